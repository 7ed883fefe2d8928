"""BatchNormalization that comes before a convolution: its factors become part of the weights.

One that comes after a convolution is part of it already, by onnxruntime's optimizations.
"""

import numpy as np
from onnx import helper

from . import weighted_nodes
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
    if not between and not any(weighted_nodes.pads(reader) for reader in weighted):
        for reader in weighted:
            weighted_nodes.add_bias(graph, reader, offset)
            weighted_nodes.scale(graph, reader, factor)
        # With factors of 1 and without offsets it means nothing.
        offset = np.zeros_like(offset)
    elif _fits(factor, between):
        for reader in weighted:
            weighted_nodes.scale(graph, reader, factor)
        offset = offset / factor
    else:
        return
    _make_addition(graph, node, offset)


def _readers(graph, name):
    """The operators between a value and the weighted ones that read it, and those; None if others read it, too."""
    between, weighted = [], []
    for node in graph.readers[name]:
        if node.op_type in ("Conv", "Gemm") and weighted_nodes.sums(graph, node, name):
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


def _make_addition(graph, node, offset):
    """Leave of a normalization the addition of an offset: statistics whose factor is 1."""
    ones = np.ones_like(offset, np.float32)
    arrays = [ones, offset.astype(np.float32), np.zeros_like(ones), ones]
    node.input[1:] = [graph.add_weight(name, array) for name, array in zip(node.input[1:], arrays)]
    del node.attribute[:]
    node.attribute.append(helper.make_attribute("epsilon", 0.0))
