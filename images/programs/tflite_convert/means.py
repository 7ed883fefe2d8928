"""Means in a file of integers.

TensorFlow 2.4.1 has a kernel of its own for a mean over an image that keeps its dimensions, which leaves the fraction
of an offset out: most of its results may be a step too small or too large. Without those dimensions another kernel
computes it, to the step; reshaping costs nothing.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer

IMAGE = 4


def without_dimensions(content):
    """The file with each mean of an image reduced, and reshaped to what it was."""
    model = flatbuffer.unpacked(content)
    codes = [code.builtinCode for code in model.operatorCodes]
    changed = False
    for graph in model.subgraphs:
        operators = []
        for operator in graph.operators:
            operators.append(operator)
            if codes[operator.opcodeIndex] == schema.BuiltinOperator.MEAN and _is_of_an_image(graph, operator):
                operators.append(_reduced(model, graph, operator))
                changed = True
        graph.operators = operators
    return flatbuffer.packed(model) if changed else content


def _is_of_an_image(graph, operator):
    read = graph.tensors[operator.inputs[0]]
    return operator.builtinOptions.keepDims and read.type == schema.TensorType.INT8 and len(read.shape) == IMAGE


def _reduced(model, graph, operator):
    """Let a mean leave its dimensions out; the RESHAPE that brings them back."""
    (whole,) = operator.outputs
    tensor = graph.tensors[whole]
    axes = flatbuffer.numbers(model, graph.tensors[operator.inputs[1]]) % IMAGE
    reduced = schema.TensorT()
    reduced.name, reduced.type, reduced.quantization = tensor.name + b"/reduced", tensor.type, tensor.quantization
    reduced.shape = np.delete(tensor.shape, axes)
    # A batch of any size.
    shape = np.concatenate([[-1], tensor.shape[1:]]).astype(np.int32)
    operator.builtinOptions.keepDims = False
    operator.outputs = np.array([_added(graph.tensors, reduced)], np.int32)
    return _reshape(model, [operator.outputs[0], _constant(model, graph, tensor.name + b"/shape", shape)], whole, shape)


def _reshape(model, read, written, shape):
    operator = schema.OperatorT()
    operator.opcodeIndex = _code(model, schema.BuiltinOperator.RESHAPE)
    operator.inputs, operator.outputs = np.array(read, np.int32), np.array([written], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
    operator.builtinOptions = schema.ReshapeOptionsT()
    operator.builtinOptions.newShape = shape
    return operator


def _code(model, number):
    """The place of an operator in the file's list, which has it from then on."""
    for at, code in enumerate(model.operatorCodes):
        if code.builtinCode == number:
            return at
    code = schema.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = number
    return _added(model.operatorCodes, code)


def _constant(model, graph, name, numbers):
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = numbers.view(np.uint8)
    tensor.name, tensor.shape, tensor.type = name, np.array(numbers.shape, np.int32), schema.TensorType.INT32
    tensor.buffer = _added(model.buffers, buffer)
    return _added(graph.tensors, tensor)


def _added(things, thing):
    things.append(thing)
    return len(things) - 1
