"""Several .tflite files as one: a signature for each of them, and constants of the same bytes once."""

import hashlib
from collections import defaultdict

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer, newer_operators, signature
from .passes import editing

# Options that name a graph of the file by its number, by the fields that do.
CALLS = {
    schema.CallOptionsT: ("subgraph",),
    schema.IfOptionsT: ("thenSubgraphIndex", "elseSubgraphIndex"),
    schema.WhileOptionsT: ("condSubgraphIndex", "bodySubgraphIndex"),
}
# What a file says of itself in text; the newest runtime that one of them asks for is asked for by the whole.
NEEDS = b"min_runtime_version"


class Joined:
    """``content`` are the bytes of a file, ``graphs`` [first, end) of each signature by name: its own, and those that
    this one calls. ``saved`` are the bytes of constants that were there before.
    """

    def __init__(self, files):
        """``files`` are the bytes of files by the names of their signatures, in an order that stays."""
        self.graphs, self.saved = {}, 0
        self._model = schema.ModelT()
        self._model.subgraphs, self._model.operatorCodes, self._model.metadata = [], [], []
        # A tensor that is computed has the first buffer.
        self._model.buffers, self._model.signatureDefs = [schema.BufferT()], []
        self._places = defaultdict(dict)
        needed = []
        for name, content in files.items():
            model = newer_operators.unpacked(content)
            self._model.version, self._model.description = model.version, model.description
            needed += [model.buffers[each.buffer].data for each in model.metadata or () if each.name == NEEDS]
            self._add(name, model, *signature.signed(content))
        if needed:
            entry = schema.MetadataT()
            entry.name, entry.buffer = NEEDS, editing.add_buffer(self._model, max(needed, key=_version))
            self._model.metadata.append(entry)
        self.content = flatbuffer.packed(self._model)

    def _add(self, name, model, inputs, outputs):
        first = len(self._model.subgraphs)
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                tensor.buffer = self._buffer(model.buffers[tensor.buffer].data, tensor.type)
            for operator in graph.operators:
                operator.opcodeIndex = self._code(model.operatorCodes[operator.opcodeIndex])
                for field in CALLS.get(type(operator.builtinOptions), ()):
                    setattr(operator.builtinOptions, field, getattr(operator.builtinOptions, field) + first)
        model.subgraphs[0].name = name.encode()
        self._model.subgraphs += model.subgraphs
        self._model.signatureDefs.append(signature.Signature(name, first, inputs, outputs))
        self.graphs[name] = [first, len(self._model.subgraphs)]

    def _buffer(self, data, kind):
        if data is None or not np.size(data):
            return 0
        known, key = self._places["buffers"], (kind, hashlib.sha256(data).digest())
        if key in known:
            self.saved += data.size
        else:
            known[key] = editing.add_buffer(self._model, data)
        return known[key]

    def _code(self, code):
        known, key = self._places["codes"], (code.builtinCode, code.version, code.customCode)
        if key not in known:
            known[key] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        return known[key]


def _version(data):
    text = bytes(data).rstrip(b"\0").decode()
    return [int(part) for part in text.split(".") if part.isdigit()]
