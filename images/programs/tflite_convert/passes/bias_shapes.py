"""Biases of several dimensions, as of a constant beside an image: the quantizer of TensorFlow 2.4.1 refuses them."""

import numpy as np

from . import editing


def apply(model, _):
    """Make a vector of each bias."""
    found = [_apply(model, graph, operator, kind) for graph, operator, kind in editing.operators(model)]
    return any(found)


def _apply(model, graph, operator, kind):
    *_, position = editing.WEIGHTED.get(kind, (len(operator.inputs),))
    if position >= len(operator.inputs) or operator.inputs[position] < 0:
        return False
    bias = graph.tensors[operator.inputs[position]]
    numbers = editing.numbers(model, bias)
    if numbers is None or bias.shape is None or len(bias.shape) <= 1:
        return False
    bias.shape = np.array([numbers.size], np.int32)
    return True
