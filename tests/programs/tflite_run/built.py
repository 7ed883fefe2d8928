"""Any .tflite file, built by the schema from plain values."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Mapping, NamedTuple, Sequence

import flatbuffers
import numpy as np
import tflite
from tiny import table, vector

KINDS = {
    "float32": tflite.TensorType.FLOAT32,
    "float16": tflite.TensorType.FLOAT16,
    "float64": tflite.TensorType.FLOAT64,
    "bool": tflite.TensorType.BOOL,
    "int8": tflite.TensorType.INT8,
    "int16": tflite.TensorType.INT16,
    "uint8": tflite.TensorType.UINT8,
    "int32": tflite.TensorType.INT32,
    "int64": tflite.TensorType.INT64,
}


class Tensor(NamedTuple):
    """``data`` is what a constant holds. ``kind`` is a number of `tflite.TensorType`, where dtypes don't tell."""

    name: str
    shape: Sequence[int]
    dtype: str = "float32"
    data: np.ndarray | None = None
    scales: Sequence[float] = ()
    zero_points: Sequence[int] = ()
    axis: int = 0
    seen: Sequence[float] = ()
    signature: Sequence[int] = ()
    variable: bool = False
    kind: int | None = None


class Operator(NamedTuple):
    """``kind`` is a builtin's name, or a custom operator's; ``options`` are fields of the schema's ``table``."""

    kind: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    table: str = ""
    options: Mapping[str, Any] = MappingProxyType({})
    version: int = 1
    custom: bytes = b""


class Graph(NamedTuple):
    tensors: Sequence[Tensor]
    operators: Sequence[Operator]
    inputs: Sequence[int]
    outputs: Sequence[int]
    name: str = "main"


class Signature(NamedTuple):
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    key: str = "serving_default"
    graph: int = 0


class File(NamedTuple):
    """``backwards``: operator codes and buffers lie in the other order. ``share``: equal constants are one buffer.
    ``gap``: bytes that nothing refers to. ``times``: how often the same bytes are a graph.
    """

    graphs: Sequence[Graph]
    signatures: Sequence[Signature] = ()
    description: str = "built"
    metadata: Mapping[str, bytes] = MappingProxyType({})
    backwards: bool = False
    share: bool = False
    gap: int = 0
    times: int = 1


def content(file):
    """The bytes of a File."""
    return _Building(file).content()


class _Building:
    def __init__(self, file):
        constants = [each.data for graph in file.graphs for each in graph.tensors if each.data is not None]
        data = [_bytes(array) for array in constants] + list(file.metadata.values())
        data = list(dict.fromkeys(data)) if file.share else data
        self._file, self._flat = file, flatbuffers.Builder(1024)
        self._codes = sorted({(op.kind, op.version) for graph in file.graphs for op in graph.operators})
        self._buffers = [b"", *(reversed(data) if file.backwards else data)]
        self._codes = self._codes[::-1] if file.backwards else self._codes
        self._places = {}
        for place, each in enumerate(self._buffers):
            self._places.setdefault(each, []).append(place)

    def content(self):
        flat, file = self._flat, self._file
        flat.CreateString("x" * file.gap)
        graphs = [self._graph(each) for each in file.graphs]
        signatures = [self._signature(each) for each in file.signatures]
        metadata = [
            table(flat, "Metadata", Name=flat.CreateString(name), Buffer=self._place(value))
            for name, value in file.metadata.items()
        ]
        buffers = [table(flat, "Buffer", Data=flat.CreateByteVector(each) if each else None) for each in self._buffers]
        codes = [self._code(*each) for each in self._codes]
        root = table(
            flat,
            "Model",
            Version=3,
            Description=flat.CreateString(file.description),
            OperatorCodes=vector(flat, tflite.ModelStartOperatorCodesVector, codes),
            Subgraphs=vector(flat, tflite.ModelStartSubgraphsVector, graphs * file.times),
            Buffers=vector(flat, tflite.ModelStartBuffersVector, buffers),
            SignatureDefs=vector(flat, tflite.ModelStartSignatureDefsVector, signatures) if signatures else None,
            Metadata=vector(flat, tflite.ModelStartMetadataVector, metadata) if metadata else None,
        )
        flat.Finish(root, file_identifier=b"TFL3")
        return bytes(flat.Output())

    def _place(self, data):
        """A buffer that holds these bytes, another one each time unless they are shared."""
        places = self._places[data]
        return places[0] if self._file.share or len(places) == 1 else places.pop(0)

    def _numbers(self, values, dtype):
        return self._flat.CreateNumpyVector(np.asarray(values, dtype)) if len(values) else None

    def _code(self, kind, version):
        number = getattr(tflite.BuiltinOperator, kind, tflite.BuiltinOperator.CUSTOM)
        custom = self._flat.CreateString(kind) if number == tflite.BuiltinOperator.CUSTOM else None
        fields = {"BuiltinCode": number, "DeprecatedBuiltinCode": min(number, 127), "Version": version}
        return table(self._flat, "OperatorCode", CustomCode=custom, **fields)

    def _graph(self, graph):
        flat = self._flat
        tensors = [self._tensor(each) for each in graph.tensors]
        operators = [self._operator(each) for each in graph.operators]
        return table(
            flat,
            "SubGraph",
            Name=flat.CreateString(graph.name),
            Tensors=vector(flat, tflite.SubGraphStartTensorsVector, tensors),
            Operators=vector(flat, tflite.SubGraphStartOperatorsVector, operators),
            Inputs=self._numbers(graph.inputs, np.int32),
            Outputs=self._numbers(graph.outputs, np.int32),
        )

    def _tensor(self, tensor):
        quantization = None
        if len(tensor.scales) or len(tensor.seen):
            quantization = table(
                self._flat,
                "QuantizationParameters",
                Scale=self._numbers(tensor.scales, np.float32),
                ZeroPoint=self._numbers(tensor.zero_points, np.int64),
                QuantizedDimension=tensor.axis,
                Min=self._numbers(tensor.seen[:1], np.float32),
                Max=self._numbers(tensor.seen[1:], np.float32),
            )
        return table(
            self._flat,
            "Tensor",
            Name=self._flat.CreateString(tensor.name),
            Shape=self._numbers(tensor.shape, np.int32),
            ShapeSignature=self._numbers(tensor.signature, np.int32),
            Type=KINDS[tensor.dtype] if tensor.kind is None else tensor.kind,
            Buffer=0 if tensor.data is None else self._place(_bytes(tensor.data)),
            Quantization=quantization,
            IsVariable=tensor.variable,
        )

    def _operator(self, operator):
        options = {}
        if operator.table:
            fields = {
                name: self._numbers(value, np.int32) if isinstance(value, (list, tuple)) else value
                for name, value in operator.options.items()
            }
            options["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, operator.table)
            options["BuiltinOptions"] = table(self._flat, operator.table, **fields)
        return table(
            self._flat,
            "Operator",
            OpcodeIndex=self._codes.index((operator.kind, operator.version)),
            Inputs=self._numbers(operator.inputs, np.int32),
            Outputs=self._numbers(operator.outputs, np.int32),
            CustomOptions=self._flat.CreateByteVector(operator.custom) if operator.custom else None,
            **options,
        )

    def _signature(self, signature):
        flat, sides = self._flat, []
        for side in (signature.inputs, signature.outputs):
            named = [(flat.CreateString(name), place) for name, place in side.items()]
            maps = [table(flat, "TensorMap", Name=name, TensorIndex=place) for name, place in named]
            sides.append(vector(flat, tflite.SignatureDefStartInputsVector, maps))
        fields = {"SignatureKey": flat.CreateString(signature.key), "SubgraphIndex": signature.graph}
        return table(flat, "SignatureDef", Inputs=sides[0], Outputs=sides[1], **fields)


def _bytes(array):
    return np.ascontiguousarray(array).tobytes()
