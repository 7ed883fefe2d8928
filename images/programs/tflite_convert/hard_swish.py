"""HARD_SWISH in steps: x / 6 * relu6(x + 3).

Its kernel for 8 bits is one that delegates don't take over: with it a mobilenetv3_large is twice as slow as with the
steps. For 16 bits there is none.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer


def in_steps(content):
    """The .tflite file of floats without HARD_SWISH."""
    model = flatbuffer.unpacked(content)
    codes = [code.builtinCode for code in model.operatorCodes]
    if schema.BuiltinOperator.HARD_SWISH not in codes:
        return content
    # It is replaced in the list: the calibrator takes no file that lists an operator and has none.
    multiply, add = codes.index(schema.BuiltinOperator.HARD_SWISH), len(codes)
    model.operatorCodes[multiply] = _code(schema.BuiltinOperator.MUL)
    model.operatorCodes.append(_code(schema.BuiltinOperator.ADD))
    for graph in model.subgraphs:
        three, sixth = _constant(model, graph, "three", 3.0), _constant(model, graph, "sixth", 1 / 6)
        operators = []
        for operator in graph.operators:
            if codes[operator.opcodeIndex] == schema.BuiltinOperator.HARD_SWISH:
                (x,), (y,) = operator.inputs, operator.outputs
                clipped, scaled = _beside(graph, y, "clipped"), _beside(graph, y, "scaled")
                operators.append(_operator(add, [x, three], clipped, _options("Add", "RELU6")))
                operators.append(_operator(multiply, [x, sixth], scaled, _options("Mul", "NONE")))
                operators.append(_operator(multiply, [scaled, clipped], y, _options("Mul", "NONE")))
            else:
                operators.append(operator)
        graph.operators = operators
    return flatbuffer.packed(model)


def _code(number):
    code = schema.OperatorCodeT()
    code.deprecatedBuiltinCode = code.builtinCode = number
    return code


def _constant(model, graph, name, value):
    buffer = schema.BufferT()
    buffer.data = np.array([value], np.float32).view(np.uint8)
    model.buffers.append(buffer)
    return _tensor(graph, "hard_swish/{}".format(name).encode(), np.zeros(0, np.int32), len(model.buffers) - 1)


def _beside(graph, index, name):
    """A tensor that is computed, of the shape of another."""
    like = graph.tensors[index]
    return _tensor(graph, like.name + "/{}".format(name).encode(), like.shape, 0)


def _tensor(graph, name, shape, buffer):
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, shape, buffer
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(code, read, written, options):
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = np.array(read, np.int32), np.array([written], np.int32)
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
    operator.builtinOptions = options
    return operator


def _options(name, activation):
    options = getattr(schema, name + "OptionsT")()
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
    return options
