"""BatchNormalization that comes before a convolution: its factors become part of the weights.

One that comes after a convolution is part of it already, by onnxruntime's optimizations.
"""

import numpy as np
from onnx import helper

from .onnx_graph import attributes

# A positive factor per channel may come after these as well as before them, and so may any factor after the linear.
LINEAR = ("AveragePool", "GlobalAveragePool")
MONOTONE = ("GlobalMaxPool", "MaxPool", "Relu")

# What is left of a normalization is scaled by its factors no more. Quantized, all channels share one scale: the
# weakest of them keeps 6 of 8 bits.
LARGEST_RATIO = 4


def apply(graph):
    """Move each factor, and each offset that can be moved, into the weights of all that reads the normalized value."""
    for node in graph.nodes:
        if node.op_type == "BatchNormalization":
            _apply(graph, node)


def _apply(graph, node):
    statistics = [graph.weight(name) for name in node.input[1:]]
    found = _readers(graph, node.output[0])
    if found is None or any(array is None for array in statistics):
        return
    between, weighted = found
    factor, offset = _folded(statistics, attributes(node).get("epsilon", 1e-5))
    if not between and not any(_pads(reader) for reader in weighted):
        for reader in weighted:
            _add_bias(graph, reader, offset)
            _scale(graph, reader, factor)
        # With factors of 1 and without offsets it means nothing.
        offset = np.zeros_like(offset)
    elif _fits(factor, between):
        for reader in weighted:
            _scale(graph, reader, factor)
        offset = offset / factor
    else:
        return
    _make_addition(graph, node, offset)


def _readers(graph, name):
    """The operators between a value and the weighted ones that read it, and those; None if others read it, too."""
    between, weighted = [], []
    for node in graph.readers[name]:
        if node.op_type in ("Conv", "Gemm") and _is_constant(graph, node, name):
            weighted.append(node)
        elif node.op_type in LINEAR + MONOTONE or _flattens(graph, node):
            further = _readers(graph, node.output[0])
            if further is None or len(node.output) > 1:
                return None
            between += [node, *further[0]]
            weighted += further[1]
        else:
            return None
    return None if name in graph.outputs or not weighted else (between, weighted)


def _is_constant(graph, node, name):
    """Whether a node is a plain sum of the value's channels, with constant weights."""
    settings = attributes(node)
    plain = not settings.get("transA") and settings.get("alpha", 1) == settings.get("beta", 1) == 1
    weights = [graph.weight(weight) for weight in node.input[1:] if weight]
    return plain and node.input[0] == name and not any(weight is None for weight in weights)


def _flattens(graph, node):
    """Whether a node makes [N, C] of the [N, C, 1, 1] that a global pooling has made."""
    maker = graph.makers.get(node.input[0]) if node.input else None
    if maker is None or maker.op_type not in ("GlobalAveragePool", "GlobalMaxPool"):
        return False
    if node.op_type == "Flatten":
        return attributes(node).get("axis", 1) == 1
    if node.op_type == "Reshape" and node.input[0] == maker.output[0]:
        shape = graph.weight(node.input[1])
        return shape is not None and len(shape) == 2
    return False


def _folded(statistics, epsilon):
    """Factor and offset by channel, float64."""
    scale, bias, mean, variance = (array.astype(np.float64) for array in statistics)
    factor = scale / np.sqrt(variance + epsilon)
    return factor, bias - mean * factor


def _fits(factor, between):
    size = np.abs(factor)
    if not size.min() or size.max() / size.min() > LARGEST_RATIO:
        return False
    return factor.min() > 0 or not any(node.op_type in MONOTONE for node in between)


def _pads(node):
    settings = attributes(node)
    return any(settings.get("pads", ())) or settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")


def _scale(graph, node, factor):
    """Multiply the part of a kernel that reads each channel by the channel's factor."""
    kernel = graph.weight(node.input[1])
    node.input[1] = graph.add_weight(node.input[1], (kernel * _by_input(node, kernel, factor)).astype(kernel.dtype))


def _add_bias(graph, node, offset):
    """Add what an offset by channel comes to once a kernel without padding has summed it up."""
    kernel = graph.weight(node.input[1])
    spread = kernel * _by_input(node, kernel, offset)
    outputs = 1 if node.op_type == "Gemm" and not attributes(node).get("transB") else 0
    sums = spread.sum(axis=tuple(axis for axis in range(kernel.ndim) if axis != outputs))
    bias = graph.weight(node.input[2]) if len(node.input) > 2 and node.input[2] else 0
    del node.input[2:]
    node.input.append(graph.add_weight(node.input[1] + "_bias", (bias + sums).astype(kernel.dtype)))


def _by_input(node, kernel, vector):
    """A vector by channel in the shape that broadcasts over a kernel along the channels it reads."""
    if node.op_type == "Gemm":
        return vector if attributes(node).get("transB") else vector[:, np.newaxis]
    groups = len(vector) // kernel.shape[1]
    by_output = np.repeat(vector.reshape(groups, -1), kernel.shape[0] // groups, axis=0)
    return by_output.reshape(by_output.shape + (1,) * (kernel.ndim - 2))


def _make_addition(graph, node, offset):
    """Leave of a normalization the addition of an offset: statistics whose factor is 1."""
    ones = np.ones_like(offset, np.float32)
    arrays = [ones, offset.astype(np.float32), np.zeros_like(ones), ones]
    node.input[1:] = [graph.add_weight(name, array) for name, array in zip(node.input[1:], arrays)]
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("epsilon", 0.0))
