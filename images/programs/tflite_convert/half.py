"""Weights as float16.

The converter can do it, but in an order that differs from process to process: it keeps what it dequantizes in a hash
map that is seeded by chance. This makes the same file in the order of the operators.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer

# The version of DEQUANTIZE that takes float16.
VERSION = 3
LARGEST = np.finfo(np.float16).max


def clipped(content):
    """The constants of a .tflite file of float32 that hold what float16 has no number for: [(name, the numbers)].

    Infinity, which masks, is none of them.
    """
    model = flatbuffer.unpacked(content)
    weights = [
        (tensor.name.decode(), model.buffers[tensor.buffer].data.view(np.float32))
        for graph in model.subgraphs
        for tensor in graph.tensors
        if _is_weight(tensor, model.buffers)
    ]
    found = [(name, numbers[np.isfinite(numbers) & (np.abs(numbers) > LARGEST)]) for name, numbers in weights]
    return [(name, numbers) for name, numbers in found if numbers.size]


def weights(content):
    """The .tflite file with its constants of float32 in float16, each turned back by a DEQUANTIZE before its use.

    What float16 has no number for becomes the largest that it has. A constant of which nothing but zeros would be left,
    such as what keeps a divisor from 0, stays as it is.
    """
    model = flatbuffer.unpacked(content)
    model.operatorCodes.append(_dequantize())
    halved = set()
    for graph in model.subgraphs:
        operators, floats = [], {}
        for operator in graph.operators:
            operator.inputs = np.array(operator.inputs, np.int32)
            for at, index in enumerate(operator.inputs):
                if index >= 0 and _is_weight(graph.tensors[index], model.buffers, halved):
                    floats[index] = len(graph.tensors)
                    operators.append(_of(graph, index, len(model.operatorCodes) - 1))
                    _halve(graph.tensors[index], model.buffers, halved)
                operator.inputs[at] = floats.get(index, index)
            operators.append(operator)
        graph.operators = operators
    return flatbuffer.packed(model)


def _is_weight(tensor, buffers, halved=frozenset()):
    data = buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None:
        return False
    if tensor.buffer in halved:
        return True
    numbers = data.view(np.float32)
    return not numbers.any() or _halved(numbers).any()


def _dequantize():
    code = schema.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = VERSION
    return code


def _of(graph, index, code):
    """The operator that makes a float32 tensor, added to the graph, of what will be a float16 one."""
    tensor = schema.TensorT()
    tensor.name = graph.tensors[index].name + b"_dequantize"
    tensor.shape = graph.tensors[index].shape
    graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs = np.array([index], np.int32)
    operator.outputs = np.array([len(graph.tensors) - 1], np.int32)
    return operator


def _halve(tensor, buffers, halved):
    """Tensors may share a buffer: it is halved once."""
    tensor.type = schema.TensorType.FLOAT16
    if tensor.buffer not in halved:
        halved.add(tensor.buffer)
        buffers[tensor.buffer].data = _halved(buffers[tensor.buffer].data.view(np.float32)).view(np.uint8)


def _halved(numbers):
    return np.clip(numbers, -LARGEST, LARGEST).astype(np.float16)
