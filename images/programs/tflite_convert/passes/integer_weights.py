"""Weights as integers with a scale for each channel, each turned back by a DEQUANTIZE before its use.

A file of floats in which nothing but the weights is rounded: runtimes turn them back once, and compute in floats.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, weight_steps

# The versions of DEQUANTIZE that take a scale for each channel: of 8 bits, of 4.
VERSIONS = {8: 5, 4: 6}
# Of a constant with fewer numbers nothing is saved: scales and an operator take as much.
LEAST = 1024


def apply(model, known):
    """Give the weights of layers, and tables, integers of ``known.bits`` bits."""
    dequantize = editing.add_code(model, schema.BuiltinOperator.DEQUANTIZE, VERSIONS[known.bits])
    found = [_apply(model, graph, dequantize, known.bits) for graph in model.subgraphs]
    if not any(found):
        model.operatorCodes.pop()
    return any(found)


def _apply(model, graph, dequantize, bits):
    axes, floats = _axes(model, graph), {}

    def replaced(operator):
        added = []
        for at in map(int, operator.inputs):
            if at in axes and at not in floats:
                tensor = graph.tensors[at]
                floats[at] = editing.add_tensor(graph, tensor.name + b"_dequantize", tensor.shape)
                added.append(editing.operator(dequantize, [at], floats[at]))
                _round(model, tensor, axes[at], bits)
        operator.inputs = np.array([floats.get(int(at), at) for at in operator.inputs], np.int32)
        return [*added, operator]

    editing.replace_operators(graph, replaced)
    return bool(axes)


def _axes(model, graph):
    """The axis of the channels of each constant that is nothing but weights or a table, and large enough."""
    found = {}
    for at, readers in editing.readers(graph).items():
        tensor = graph.tensors[at]
        axes = {_axis(model, operator, position) for operator, position in readers}
        is_float = tensor.type == schema.TensorType.FLOAT32 and editing.numbers(model, tensor) is not None
        if is_float and len(axes) == 1 and None not in axes and np.prod(tensor.shape) >= LEAST:
            (found[at],) = axes
    return found


def _axis(model, operator, position):
    """The axis of the channels in what an operator reads at a position, or None. Those of a table are its rows."""
    kind = editing.kind(model, operator)
    if kind in editing.WEIGHTED:
        return editing.GIVEN[kind] if position == editing.WEIGHTED[kind][1] else None
    is_table = kind == schema.BuiltinOperator.GATHER and position == 0 and operator.builtinOptions.axis == 0
    return 0 if is_table else None


def _round(model, tensor, axis, bits):
    numbers = editing.numbers(model, tensor).reshape(tensor.shape)
    scales = weight_steps.scales(numbers, axis, bits)
    editing.set_integers(model, tensor, weight_steps.integers(numbers, scales, axis, bits), scales, axis, bits)
