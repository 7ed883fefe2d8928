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
    weighted = {op: _weighted(graph_def, nodes, kinds) for kinds in (PRODUCTS, SUMS) for op in kinds}
    found = [
        (node, [each for each in readers[node.name] if each.op in ACTIVATIONS and each.name in weighted[node.op]])
        for node in graph_def.node
        if _place(node, nodes) is not None
    ]
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


def _weighted(graph_def, nodes, before):
    """The names of the nodes whose result an operator with weights reads that would take in an operator of a kind in
    ``before``, at once or behind operators that are passed.
    """
    passed = ACTIVATIONS + DROPPED + (("Transpose",) if before is SUMS else ())
    found = set()
    # Where a convolution pads, no number can be added to its bias.
    pending = [
        name
        for node in graph_def.node
        if node.op in WEIGHTED and (before is PRODUCTS or node.op == "MatMul" or node.attr["padding"].s != b"SAME")
        for name in node.input
    ]
    while pending:
        name = pending.pop()
        if name in nodes and name not in found:
            found.add(name)
            if nodes[name].op in passed or _place(nodes[name], nodes) is not None:
                pending.extend(nodes[name].input)
    return found


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
