"""A constant by which is multiplied what a dense layer gives, as the scale of an attention: it is part of the weights.

One number may also come behind what only moves elements, or splits them among the heads, and behind queries times keys.
"""

import numpy as np

MOVES = ("Reshape", "Squeeze", "Transpose", "Unsqueeze")


def apply(graph):
    """Leave out each product with a number, or with a vector of a number for each of a layer's outputs."""
    for node in list(graph.nodes):
        found = _factor(graph, node)
        if found is not None and node.output[0] not in graph.outputs:
            _apply(graph, node, *found)


def _factor(graph, node):
    """What a node multiplies, and by which constant: a vector along the last axis, or of one number; or None."""
    if node.op_type not in ("Div", "Mul"):
        return None
    for at in (1, 0) if node.op_type == "Mul" else (1,):
        array = graph.weight(node.input[at])
        if array is not None and array.dtype == np.float32 and array.ndim <= 1:
            factor = array.reshape(-1)
            if node.op_type == "Mul":
                return node.input[0 if at else 1], factor
            return (node.input[0], 1 / factor) if np.all(factor) else None
    return None


def _apply(graph, node, x, factor):
    moves, name = [], x
    maker = _alone(graph, name)
    while factor.size == 1 and maker is not None and (maker.op_type in MOVES or _is_product(graph, maker)):
        moves.append(maker)
        name = maker.input[0]
        maker = _alone(graph, name)
    bias = None
    if maker is not None and maker.op_type == "Add":
        add = maker
        at = next((at for at, each in enumerate(add.input) if graph.weight(each) is not None), None)
        maker = None if at is None else _alone(graph, add.input[1 - at])
        bias = None if at is None else graph.weight(add.input[at])
    if maker is None or maker.op_type != "MatMul":
        return
    weights = graph.weight(maker.input[1])
    if weights is None or weights.ndim != 2 or len(graph.readers[maker.input[1]]) > 1:
        return
    if factor.size not in (1, weights.shape[1]) or (bias is not None and bias.size != weights.shape[1]):
        return
    maker.input[1] = graph.changed_weight(maker.input[1], weights * factor)
    changed = [maker]
    if bias is not None:
        scaled = (bias.reshape(-1) * factor).reshape(bias.shape)
        add.input[at] = graph.changed_weight(add.input[at], scaled)
        changed.append(add)
    graph.pass_on(node, x)
    graph.rename([*changed, *moves], "_scaled")


def _is_product(graph, node):
    """Whether a node multiplies matrices that are computed both."""
    return node.op_type == "MatMul" and all(graph.weight(name) is None for name in node.input)


def _alone(graph, name):
    """The node that makes a value which one node alone reads, else None."""
    return graph.makers.get(name) if len(graph.readers[name]) == 1 and name not in graph.outputs else None
