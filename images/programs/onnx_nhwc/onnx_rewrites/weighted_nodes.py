"""Convolutions and products with weights: what a factor and an offset of each channel that they sum up come to."""

import numpy as np
from onnx import helper

from .onnx_graph import attributes

KINDS = ("Conv", "Gemm", "MatMul")


def sums(graph, node, name):
    """Whether a node is a plain sum of a value's channels, with weights that are constant."""
    settings = attributes(node)
    plain = not settings.get("transA") and settings.get("alpha", 1) == settings.get("beta", 1) == 1
    weights = [graph.weight(weight) for weight in node.input[1:] if weight]
    known = plain and node.input[0] == name and not any(weight is None for weight in weights)
    return node.op_type in KINDS and known and (node.op_type != "MatMul" or weights[0].ndim == 2)


def pads(node):
    """Whether a node reads zeros beside what it is given."""
    settings = attributes(node)
    return any(settings.get("pads", ())) or settings.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")


def scale(graph, node, factor):
    """Multiply the part of a kernel that reads each channel by the channel's factor."""
    kernel = graph.weight(node.input[1])
    scaled = (kernel * _by_input(node, kernel, factor)).astype(kernel.dtype)
    node.input[1] = graph.changed_weight(node.input[1], scaled)


def add_bias(graph, node, offset):
    """Add what an offset by channel comes to once a kernel without padding has summed it up."""
    kernel = graph.weight(node.input[1])
    axes = tuple(axis for axis in range(kernel.ndim) if axis != _outputs(node))
    added = (kernel * _by_input(node, kernel, offset)).sum(axis=axes)
    if node.op_type == "MatMul":
        _add_behind(graph, node, added, kernel.dtype)
        return
    bias = graph.weight(node.input[2]) if len(node.input) > 2 and node.input[2] else 0
    del node.input[2:]
    node.input.append(graph.add_weight(node.input[1] + "_bias", (bias + added).astype(kernel.dtype)))


def _add_behind(graph, node, added, dtype):
    """Add a vector to what a MatMul gives: to the bias that is there, or with a new node."""
    readers = graph.readers[node.output[0]]
    if len(readers) == 1 and readers[0].op_type == "Add" and node.output[0] not in graph.outputs:
        (addition,) = readers
        at = int(addition.input[0] == node.output[0])
        bias = graph.weight(addition.input[at])
        if bias is not None and bias.size == bias.shape[-1] == added.size:
            addition.input[at] = graph.add_weight(addition.input[at], (bias + added).astype(dtype).reshape(bias.shape))
            return
    result = node.output[0]
    node.output[0] = graph.new_name(result)
    bias = graph.add_weight(node.input[1] + "_bias", added.astype(dtype))
    graph.insert_behind(node, helper.make_node("Add", [node.output[0], bias], [result], name=graph.new_name(result)))


def _outputs(node):
    """The axis of a kernel along which the results lie."""
    if node.op_type == "Conv":
        return 0
    return 0 if attributes(node).get("transB") else 1


def _by_input(node, kernel, vector):
    """A vector by channel in the shape that broadcasts over a kernel along the channels it reads."""
    if node.op_type != "Conv":
        return vector if _outputs(node) == 0 else vector[:, np.newaxis]
    groups = len(vector) // kernel.shape[1]
    by_output = np.repeat(vector.reshape(groups, -1), kernel.shape[0] // groups, axis=0)
    return by_output.reshape(by_output.shape + (1,) * (kernel.ndim - 2))
