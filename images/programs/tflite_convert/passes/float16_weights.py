"""Weights as float16, each turned back by a DEQUANTIZE before its use.

The converter can do it, but in an order that differs from process to process: it keeps what it dequantizes in a hash
map that is seeded by chance. This makes the same file in the order of the operators.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from .. import flatbuffer
from . import editing

# The version of DEQUANTIZE that takes float16.
VERSION = 3
LARGEST = np.finfo(np.float16).max


def apply(model, _):
    """A number that float16 does not have becomes the largest that it has. A constant of which nothing but zeros would
    be left, such as one that keeps a divisor from 0, stays as it is.
    """
    dequantize = editing.add_code(model, schema.BuiltinOperator.DEQUANTIZE, VERSION)
    halved = set()
    for graph in model.subgraphs:
        _apply(model, graph, dequantize, halved)
    return True


def clipped(content):
    """The constants of a .tflite file of float32 with numbers that float16 does not have: [(name, those numbers)].

    Infinity is left out: it masks.
    """
    model = flatbuffer.unpacked(content)
    weights = [
        (tensor.name.decode(), editing.numbers(model, tensor))
        for graph in model.subgraphs
        for tensor in graph.tensors
        if _is_weight(model, tensor)
    ]
    found = [(name, numbers[np.isfinite(numbers) & (np.abs(numbers) > LARGEST)]) for name, numbers in weights]
    return [(name, numbers) for name, numbers in found if numbers.size]


def _apply(model, graph, dequantize, halved):
    """Change one graph. ``halved`` are the buffers that are of float16 already: tensors may share one."""
    floats = {}

    def replaced(operator):
        operator.inputs = np.array(operator.inputs, np.int32)
        added = []
        for at, index in enumerate(operator.inputs):
            tensor = graph.tensors[index]
            if index >= 0 and _is_weight(model, tensor, halved):
                floats[index] = editing.add_tensor(graph, tensor.name + b"_dequantize", tensor.shape)
                added.append(editing.operator(dequantize, [index], floats[index]))
                _halve(model, tensor, halved)
            operator.inputs[at] = floats.get(index, index)
        return [*added, operator]

    editing.replace_operators(graph, replaced)


def _is_weight(model, tensor, halved=frozenset()):
    if tensor.type != schema.TensorType.FLOAT32 or model.buffers[tensor.buffer].data is None:
        return False
    if tensor.buffer in halved:
        return True
    numbers = editing.numbers(model, tensor)
    return not numbers.any() or _halved(numbers).any()


def _halve(model, tensor, halved):
    if tensor.buffer not in halved:
        halved.add(tensor.buffer)
        model.buffers[tensor.buffer].data = _halved(editing.numbers(model, tensor)).view(np.uint8)
    tensor.type = schema.TensorType.FLOAT16


def _halved(numbers):
    return np.clip(numbers, -LARGEST, LARGEST).astype(np.float16)
