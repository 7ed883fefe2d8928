"""Images whose pixels become rows, as the patches of a transformer, and rows that become an image.

Models merge or split the pixels where these come last, [B, C, H, W] or [B, C, N], and transpose what they get. With
channels last, as images lie in TFLite, it is only another shape of the same numbers.
"""

import numpy as np
from onnx import helper

from .onnx_graph import attributes

ROWS, LAST, FIRST = [0, 2, 1], [0, 2, 3, 1], [0, 3, 1, 2]


def apply(graph):
    """Put transposes on the image's side of a Reshape."""
    turned = [node for node in graph.nodes if node.op_type == "Transpose" and attributes(node).get("perm") == ROWS]
    shapes = graph.shapes() if turned else {}
    for node in turned:
        maker = graph.makers.get(node.input[0])
        readers = graph.readers[node.output[0]]
        if maker is not None and _merges(maker, shapes):
            batch, count, channels = shapes[node.output[0]]
            _replace(graph, node, maker.input[0], [("Transpose", LAST), ("Reshape", [batch, count, channels])])
        elif len(readers) == 1 and node.output[0] not in graph.outputs and _splits(readers[0], shapes):
            batch, channels, *image = shapes[readers[0].output[0]]
            steps = [("Reshape", [batch, *image, channels]), ("Transpose", FIRST)]
            _replace(graph, node, node.input[0], steps, readers[0])


def _merges(node, shapes):
    """Whether a node makes [B, C, H * W] of [B, C, H, W]."""
    before, after = _sizes(node, shapes)
    return len(before) == 4 and after == [*before[:2], before[2] * before[3]]


def _splits(node, shapes):
    """Whether a node makes [B, C, H, W] of [B, C, H * W]."""
    before, after = _sizes(node, shapes)
    return len(after) == 4 and before == [*after[:2], after[2] * after[3]]


def _sizes(node, shapes):
    """The shapes before and after a Reshape; nothing for another node, or where they are not known."""
    found = [shapes.get(name) or [None] for name in (*node.input[:1], *node.output[:1])]
    known = node.op_type == "Reshape" and not any(None in sizes for sizes in found)
    return found if known else ([], [])


def _replace(graph, node, x, steps, last=None):
    """Put steps from x in the place of a node and the ``last`` one behind it."""
    replaced = [node] if last is None else [node, last]
    (result,) = replaced[-1].output
    between = graph.new_name(result)
    nodes = []
    for (op_type, numbers), read, written, like in zip(steps, (x, between), (between, result), (node, replaced[-1])):
        if op_type == "Transpose":
            made = helper.make_node(op_type, [read], [written], perm=numbers)
        else:
            shape = graph.add_weight(result + "_shape", np.array(numbers, np.int64))
            made = helper.make_node(op_type, [read, shape], [written])
        made.name = like.name and "{}_{}".format(like.name, op_type)
        nodes.append(made)
    graph.replace(replaced, nodes)
