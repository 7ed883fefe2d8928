"""Activations that the converter would lose.

The converter of TensorFlow 2.4.1 makes a sum or product with one number part of the convolution or the product of
matrices behind it, and forgets the activation between the two, which it has made part of the former. It does so with a
single number only: a vector of that number prevents it, and costs nothing.
"""

from collections import defaultdict

import numpy as np

from .graph_def import add_constant, imported, numbers

ACTIVATIONS = ("Maximum", "Minimum", "Relu", "Relu6")
PRODUCTS, SUMS = ("Mul", "RealDiv"), ("Add", "AddV2", "Sub")
# The converter leaves a number on the left of these alone.
ORDERED = ("RealDiv", "Sub")
WEIGHTED = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
# Operators that are gone by the time that the converter looks for the next one. It moves transposes before sums alone.
DROPPED = ("Identity", "SpaceToBatchND", "StopGradient")


def apply(graph_def):
    """Rewrite the operators of a graph in place before which an activation would be lost."""
    nodes = {node.name: node for node in graph_def.node}
    readers = defaultdict(list)
    for node in graph_def.node:
        for name in node.input:
            readers[name].append(node)
    found = [(node, _lost(node, nodes, readers)) for node in graph_def.node if _place(node, nodes) is not None]
    if not any(activations for _, activations in found):
        return
    graph = imported(graph_def)
    for node, activations in found:
        if activations:
            shape = graph.get_operation_by_name(node.name).outputs[0].shape.as_list()
            # Not the batch, which may be left open.
            sizes = [index for index, size in enumerate(shape) if index and size != 1]
            if sizes:
                _spread(graph_def, node, nodes, [shape[sizes[-1]], *[1] * (len(shape) - 1 - sizes[-1])])
            else:
                _repeat(graph_def, activations)


def _lost(node, nodes, readers):
    """The activations of a sum or product with one number that would be lost."""
    return [
        reader
        for reader in readers[node.name]
        if reader.op in ACTIVATIONS and _is_weighted(reader, node, nodes, readers)
    ]


def _is_weighted(node, before, nodes, readers):
    """Whether an operator with weights reads a node's result, and would take in the operator ``before`` that node."""
    passed = ACTIVATIONS + DROPPED + (("Transpose",) if before.op in SUMS else ())
    return any(
        # Where a convolution pads, no number can be added to its bias.
        before.op in PRODUCTS or reader.op == "MatMul" or reader.attr["padding"].s != b"SAME"
        if reader.op in WEIGHTED
        else (reader.op in passed or _place(reader, nodes) is not None) and _is_weighted(reader, before, nodes, readers)
        for reader in readers[node.name]
    )


def _place(node, nodes):
    """Which input of a sum or product is a constant of one number; None if none is."""
    if node.op not in PRODUCTS + SUMS:
        return None
    places = (1,) if node.op in ORDERED else (0, 1)
    return next((at for at in places if _is_number(nodes.get(node.input[at]))), None)


def _is_number(node):
    if node is None or node.op != "Const":
        return False
    return all(dim.size == 1 for dim in node.attr["value"].tensor.tensor_shape.dim)


def _spread(graph_def, node, nodes, shape):
    """Make a vector of the one number."""
    at = _place(node, nodes)
    number = numbers(nodes[node.input[at]])
    vector = np.full(shape, number.item(), number.dtype)
    node.input[at] = add_constant(graph_def, node.name + "/vector", vector).name


def _repeat(graph_def, activations):
    """Where the value itself is one number, a second activation in a row is kept."""
    for activation in activations:
        first = graph_def.node.add()
        first.CopyFrom(activation)
        first.name += "/first"
        activation.input[0] = first.name
