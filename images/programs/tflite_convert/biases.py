"""Biases as the quantizer can take them.

A bias in integers counts steps of (input scale * weight scale), which differ from operator to operator. The quantizer
of TensorFlow 2.4.1 gives a shared one the steps of the first operator that reads it, and the others add something else:
layers that are used twice, and layers whose biases are equal, which the converter makes one constant of. And it refuses
a bias of several dimensions, as a constant beside an image has.
"""

import numpy as np

from . import flatbuffer
from .multipliers import PLACES


def separate(model):
    """Give each operator a bias of its own, in a ModelT of floats; whether there was anything to do.

    A bias of zeros is zero in any steps, and stays.
    """
    found = [_separate(model, graph) for graph in model.subgraphs]
    return any(found)


def flatten(model):
    """Make a vector of each bias, in a ModelT of floats; whether there was anything to do."""
    changed = False
    for graph in model.subgraphs:
        for operator, at in _biases(model, graph)[0]:
            bias = graph.tensors[operator.inputs[at]]
            data = flatbuffer.numbers(model, bias)
            if data is not None and bias.shape is not None and len(bias.shape) > 1:
                bias.shape = np.array([data.size], np.int32)
                changed = True
    return changed


def _separate(model, graph):
    biases, others = _biases(model, graph)
    # Tensors that share a buffer are one constant: the quantizer writes into it.
    taken = {graph.tensors[operator.inputs[at]].buffer for operator, at in others}
    changed = False
    for operator, at in biases:
        tensor = graph.tensors[operator.inputs[at]]
        data = model.buffers[tensor.buffer].data
        if tensor.buffer in taken and data is not None and data.any():
            operator.inputs = operator.inputs.copy()
            operator.inputs[at] = flatbuffer.add_constant(model, graph, tensor, data)
            changed = True
        taken.add(tensor.buffer)
    return changed


def _biases(model, graph):
    """Where biases are read, and all else: (operator, position among its inputs) each."""
    biases, others = [], []
    for operator in graph.operators:
        place = PLACES.get(model.operatorCodes[operator.opcodeIndex].builtinCode, (None,))[-1]
        for at, index in enumerate(operator.inputs):
            if index >= 0:
                (biases if at == place else others).append((operator, at))
    return biases, others
