"""Dense layers, and numbers that they are multiplied by.

The converter makes such a number part of the weights, even where others read the layer, too: it is then computed again
for each of these numbers, from weights of its own.
"""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

OPERATORS = schema.BuiltinOperator
NONE = schema.ActivationFunctionType.NONE
# How far weights may be from a multiple of others, for their size.
ROUNDING = 1e-5


def take_apart(model, graph):
    """Write layers of floats as products of a number and the first layer of which their weights are multiples, and that
    reads the same.
    """
    layers = {}

    def replaced(operator):
        if editing.kind(model, operator) != OPERATORS.FULLY_CONNECTED:
            return [operator]
        options = operator.builtinOptions
        constants = [editing.numbers(model, graph.tensors[at]) for at in operator.inputs[1:] if at >= 0]
        if options.fusedActivationFunction != NONE or any(each is None for each in constants):
            return [operator]
        alike = layers.setdefault((operator.inputs[0], options.keepNumDims, *map(len, constants)), [])
        for first, others in alike:
            factor = _factor(others, constants)
            if factor is not None:
                number = editing.add_constant(model, graph, b"factor", np.array(factor, np.float32))
                return [_product(model, [first, number], operator.outputs[0])]
        alike.append((operator.outputs[0], constants))
        return [operator]

    editing.replace_operators(graph, replaced)


def multiply(model, graph, tensor, factor):
    """Let a dense layer give its results times a positive number; False, and nothing, where that can't be."""
    layer, readers = editing.makers(graph).get(tensor), editing.readers(graph)
    if layer is None or editing.kind(model, layer) != OPERATORS.FULLY_CONNECTED:
        return False
    makers = editing.makers(graph)
    places = [int(at) for at in layer.inputs[1:] if at >= 0]
    # Narrow weights are turned back into floats first.
    sources = [makers[at].inputs[0] if at in makers else at for at in places]
    if layer.builtinOptions.fusedActivationFunction != NONE or any(len(readers[at]) > 1 for at in (*places, *sources)):
        return False
    constants = [graph.tensors[at] for at in sources]
    if any(model.buffers[each.buffer].data is None for each in constants):
        return False
    for each in (*constants, graph.tensors[tensor]):
        _multiply(model, each, np.float32(factor))
    return True


def _multiply(model, tensor, factor):
    data, quantization = model.buffers[tensor.buffer].data, tensor.quantization
    if quantization is not None and quantization.scale is not None and len(quantization.scale):
        # Tensors may have the same one.
        tensor.quantization = copy.copy(quantization)
        tensor.quantization.scale = np.asarray(quantization.scale, np.float32) * factor
    elif data is not None:
        kind = np.float16 if tensor.type == schema.TensorType.FLOAT16 else np.float32
        tensor.buffer = editing.add_buffer(model, (data.view(kind) * factor).astype(kind))


def _factor(ones, others):
    """The number by which all arrays of the one list are multiplied in the other, or None."""
    place = np.argmax(np.abs(ones[0]))
    largest = ones[0][place]
    factor = others[0][place] / largest if largest else 0
    if factor <= 0:
        return None
    for one, other in zip(ones, others):
        # Most layers are no multiples, which few numbers tell.
        for end in (64, None):
            if np.abs(one[:end] * factor - other[:end]).max(initial=0) > ROUNDING * factor * np.abs(one).max(initial=0):
                return None
    return factor


def _product(model, read, written):
    options = schema.MulOptionsT()
    options.fusedActivationFunction = NONE
    return editing.operator(editing.code(model, OPERATORS.MUL), read, written, options)
