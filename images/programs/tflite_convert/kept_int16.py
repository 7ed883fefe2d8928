"""Layers with activations of int16 in a file of int8.

The quantizer has one type for all activations of a file. So two files are made of the same floats: one of int8 in which
the layers stay in floats, and one of int16 from which they are taken. Between the two types numbers go through floats:
TensorFlow 2.4.1 has no QUANTIZE from int8 to int16.
"""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer
from .passes import editing

FLOAT32, INT16 = schema.TensorType.FLOAT32, schema.TensorType.INT16
DEQUANTIZE = schema.BuiltinOperator.DEQUANTIZE
SUFFIX = b"/int16"


def joined(content, other, layers, count):
    """The bytes of the first file with some of its operators as they are in the other one.

    Both are quantized from one file of ``count`` tensors, which have the same places in all three; ``layers`` are the
    places of those that the operators give, which are floats in the first file.
    """
    model, source = flatbuffer.unpacked(content), flatbuffer.unpacked(other)
    graph = model.subgraphs[0]
    left = [operator for operator in graph.operators if layers.isdisjoint(map(int, operator.outputs))]
    read = {int(at) for operator in left for at in operator.inputs} | set(map(int, graph.outputs))
    places = _Places(model, source, layers, count)
    taken = [_moved(model, source, each, places) for each in _needed(source, layers & read, places)]
    back = [
        editing.operator(editing.code(model, DEQUANTIZE), [places.of(tensor)], tensor)
        for tensor in sorted(layers & read)
        if places.of(tensor) != tensor
    ]
    graph.operators = _ordered([*left, *places.operators, *taken, *back])
    _drop_unread(graph)
    return flatbuffer.packed(model)


class _Places:
    """Where tensors of the other file are in the first one; ``operators`` are those that bring them there."""

    def __init__(self, model, source, layers, count):
        self.operators = []
        self._model, self._source, self._layers, self._count = model, source, layers, count
        self._graph, self._tensors = model.subgraphs[0], source.subgraphs[0].tensors
        self._floats = {
            int(each.inputs[0]): int(each.outputs[0])
            for _, each, kind in editing.operators(model)
            if kind == DEQUANTIZE
        }
        # Inputs are the same, whatever the type within.
        self._found = dict(zip(map(int, source.subgraphs[0].inputs), map(int, self._graph.inputs)))

    def is_given(self, at):
        """Whether an operator gives a tensor that is none of the layers."""
        return at in self._found or (
            at < self._count
            and at not in self._layers
            and self._tensors[at].type != INT16
            and not self._is_constant(at)
        )

    def of(self, at):
        if at < 0:
            return at
        if at not in self._found:
            self._found[at] = self._place(at)
        return self._found[at]

    def _place(self, at):
        if not self.is_given(at):
            # What has no integers of 16 bits either is the same float.
            is_float = at in self._layers and self._tensors[at].type == FLOAT32
            return at if is_float else self._copied(at)
        if self._tensors[at].type != FLOAT32 or self._graph.tensors[at].type == FLOAT32:
            return at
        if at not in self._floats:
            tensor = self._graph.tensors[at]
            self._floats[at] = editing.add_tensor(self._graph, tensor.name + b"/float", tensor.shape)
            made = editing.operator(editing.code(self._model, DEQUANTIZE), [at], self._floats[at])
            self.operators.append(made)
        return self._floats[at]

    def _copied(self, at):
        tensor = copy.copy(self._tensors[at])
        data = self._source.buffers[tensor.buffer].data
        tensor.buffer = 0
        if data is not None:
            tensor.buffer = editing.add_buffer(self._model, data)
        elif at < self._count:
            tensor.name += SUFFIX
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _is_constant(self, at):
        return self._source.buffers[self._tensors[at].buffer].data is not None


def _needed(source, wanted, places):
    """The operators of the other file that compute tensors from what is given, in the order of computing."""
    graph = source.subgraphs[0]
    makers, found, waiting = editing.makers(graph), set(), list(wanted)
    while waiting:
        at = int(waiting.pop())
        if at in makers and id(makers[at]) not in found and not places.is_given(at):
            found.add(id(makers[at]))
            waiting += list(makers[at].inputs)
    return [operator for operator in graph.operators if id(operator) in found]


def _moved(model, source, operator, places):
    made = copy.copy(operator)
    made.opcodeIndex = _code(model, source.operatorCodes[operator.opcodeIndex])
    made.inputs, made.outputs = (
        np.array([places.of(int(at)) for at in side], np.int32) for side in (operator.inputs, operator.outputs)
    )
    return made


def _code(model, wanted):
    """The place of a kind of operator in a version, in the file's list from then on."""
    for at, code in enumerate(model.operatorCodes):
        if (code.builtinCode, code.customCode, code.version) == (wanted.builtinCode, wanted.customCode, wanted.version):
            return at
    model.operatorCodes.append(wanted)
    return len(model.operatorCodes) - 1


def _ordered(operators):
    """Operators in an order in which each reads what is there."""
    waited = {int(at) for operator in operators for at in operator.outputs}
    found, left = [], operators
    while left:
        later = []
        for operator in left:
            if waited.isdisjoint(map(int, operator.inputs)):
                waited.difference_update(map(int, operator.outputs))
                found.append(operator)
            else:
                later.append(operator)
        left = later
    return found


def _drop_unread(graph):
    """Take the tensors out of a file that nobody reads or writes."""
    used = {int(at) for each in graph.operators for at in (*each.inputs, *each.outputs)}
    kept = sorted((used | set(map(int, (*graph.inputs, *graph.outputs)))) - {-1})
    places = {-1: -1, **{at: place for place, at in enumerate(kept)}}
    graph.tensors = [graph.tensors[at] for at in kept]
    graph.inputs, graph.outputs = ([places[int(at)] for at in side] for side in (graph.inputs, graph.outputs))
    for operator in graph.operators:
        operator.inputs = np.array([places[int(at)] for at in operator.inputs], np.int32)
        operator.outputs = np.array([places[int(at)] for at in operator.outputs], np.int32)
