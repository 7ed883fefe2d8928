"""Queries, keys and values that one dense layer gives: a layer each, so that nothing has to be cut apart.

Models cut what the layer gives, [..., 3 * heads * numbers], by a Reshape, a Transpose that puts the three parts first,
and slices of that axis.
"""

from typing import NamedTuple, Tuple

import numpy as np
import onnx
from onnx import helper

from .onnx_graph import attributes


class Part(NamedTuple):
    """Which of the parts a value is, and the nodes that cut it out."""

    at: int
    output: str
    nodes: Tuple[onnx.NodeProto, ...]


def apply(graph):
    """Make dense layers of the parts that a Transpose puts first."""
    shapes = None
    for node in list(graph.nodes):
        chain = _chain(graph, node)
        if chain is not None:
            shapes = graph.shapes() if shapes is None else shapes
            parts = _parts(graph, shapes, node)
            if parts is not None:
                _apply(graph, shapes, chain, parts)


def _chain(graph, transpose):
    """MatMul, its Add or None, Reshape and Transpose in a row that nothing else reads; None if there is no such row."""
    reshape = _only_maker(graph, transpose, "Transpose", "Reshape")
    dense = reshape and (
        _only_maker(graph, reshape, "Reshape", "Add") or _only_maker(graph, reshape, "Reshape", "MatMul")
    )
    if not dense:
        return None
    add = dense if dense.op_type == "Add" else None
    if add is not None:
        dense = _only_maker(graph, add, "Add", "MatMul")
    weights = graph.weight(dense.input[1]) if dense else None
    return (dense, add, reshape, transpose) if weights is not None and weights.ndim == 2 else None


def _only_maker(graph, node, op_type, wanted):
    """The node of a kind that makes what a node of another reads, and nothing else; its other operand is constant."""
    if node.op_type != op_type:
        return None
    computed = [name for name in node.input if graph.weight(name) is None]
    maker = graph.makers.get(computed[0]) if len(computed) == 1 else None
    if maker is None or maker.op_type != wanted or len(graph.readers[computed[0]]) > 1 or computed[0] in graph.outputs:
        return None
    return maker


def _parts(graph, shapes, transpose):
    """The `Part`s into which a value is cut along its first axis, which they don't have any more; None if it is not."""
    (name,) = transpose.output
    count = (shapes.get(name) or [None])[0]
    found = []
    for node in graph.readers[name]:
        settings = attributes(node)
        if node.op_type == "Gather" and node.input[0] == name:
            index = graph.weight(node.input[1])
            if settings.get("axis", 0) != 0 or index is None or index.ndim:
                return None
            found.append(Part(int(index) % count, node.output[0], (node,)))
        elif node.op_type in ("Slice", "Split") and node.input[0] == name:
            places = _places(graph, node, count, settings)
            for output, at in zip(node.output, places or [None]):
                squeezes = graph.readers[output]
                if at is None or len(squeezes) != 1 or not _drops_first(graph, squeezes[0], shapes.get(output)):
                    return None
                found.append(Part(at, squeezes[0].output[0], (node, squeezes[0])))
        else:
            return None
    return found if count and found and name not in graph.outputs else None


def _places(graph, node, count, settings):
    """Where on the first axis each output of a Slice or a Split is, of one element; None if it is something else."""
    if node.op_type == "Split":
        return range(count) if settings.get("axis", 0) == 0 and len(node.output) == count else None
    bounds = [graph.weight(name) for name in node.input[1:]]
    if len(bounds) < 3 or any(each is None or each.size != 1 for each in bounds):
        return None
    first, end, axis, step = [int(each.item()) for each in (*bounds, np.ones(1))][:4]
    return [first] if (axis, step) == (0, 1) and end == first + 1 and 0 <= first < count else None


def _drops_first(graph, node, sizes):
    if node.op_type != "Squeeze" or not sizes or sizes[0] != 1:
        return False
    axes = attributes(node).get("axes") or (graph.weight(node.input[1]) if len(node.input) > 1 else None)
    return axes is not None and [int(each) for each in np.ravel(axes)] == [0]


def _apply(graph, shapes, chain, parts):
    dense, add, reshape, transpose = chain
    *before, last = shapes.get((add or dense).output[0]) or [None]
    cut, order = shapes.get(reshape.output[0]) or [], list(attributes(transpose)["perm"])
    rest = cut[len(before) + 1 :]
    weights = graph.weight(dense.input[1])
    bias = None if add is None else next(filter(lambda each: each is not None, map(graph.weight, add.input)))
    known = None not in (last, *before, *cut) and cut[: len(before)] == before
    if not known or order[0] != len(before) or weights.shape[1] != last or len(graph.readers[dense.input[1]]) > 1:
        return
    if bias is not None and not bias.size == bias.shape[-1] == last:
        return
    size = int(np.prod(rest))
    without = [axis - (axis > order[0]) for axis in order[1:]]
    nodes = []
    for part in parts:
        of = slice(part.at * size, (part.at + 1) * size)
        value = dense.input[0]
        steps = [("MatMul", dense, weights[:, of], {})]
        steps += [] if bias is None else [("Add", add, bias.reshape(-1)[of], {})]
        steps += [("Reshape", reshape, np.array([*before, *rest], np.int64), {})]
        for op_type, like, array, settings in steps:
            value = _add(graph, nodes, op_type, [value, graph.add_weight(like.output[0], array)], like, part, settings)
        nodes.append(helper.make_node("Transpose", [value], [part.output], name=_name(transpose, part), perm=without))
    dropped = [dense, add, reshape, transpose, *(node for part in parts for node in part.nodes)]
    graph.replace(dropped, nodes)


def _add(graph, nodes, op_type, read, like, part, settings):
    value = graph.new_name(like.output[0])
    nodes.append(helper.make_node(op_type, read, [value], name=_name(like, part), **settings))
    return value


def _name(like, part):
    return "{}_{}".format(like.name or like.output[0], part.at)
