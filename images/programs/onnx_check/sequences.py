"""Sequences of tensors, of which TFLite has none: a tensor that is taken out of one is read where it was put in.

`OpenGraph.sequences` has the items of each sequence of known length: names of tensors, or a `Part` of one.
"""

from typing import NamedTuple

import numpy as np
from onnx import helper

from . import bodies
from .open_graph import stacked


class Part(NamedTuple):
    """Of a tensor, what lies between two places of an axis; ``is_row`` says that it has that axis no more."""

    tensor: str
    start: int
    end: int
    axis: int
    is_row: bool

    def nodes(self, output, graph):
        places = {"start": self.start, "end": self.end, "axis": self.axis}
        for place, number in places.items():
            places[place] = graph.add("{}/{}".format(output, place), np.array(number if self.is_row else [number]))
        if self.is_row:
            return [helper.make_node("Gather", [self.tensor, places["start"]], [output], output, axis=self.axis)]
        return [helper.make_node("Slice", [self.tensor, *places.values()], [output], output)]


def _constructed(node, graph):
    graph.sequences[node.output[0]] = list(node.input)


def _passed_on(node, graph):
    if node.input[0] in graph.sequences:
        graph.sequences[node.output[0]] = graph.sequences[node.input[0]]


def _inserted(node, graph):
    items = graph.sequences.get(node.input[0])
    position = None if items is None else _position(node, 2, len(items), graph)
    if position is not None:
        graph.sequences[node.output[0]] = [*items[:position], node.input[1], *items[position:]]


def _erased(node, graph):
    items = graph.sequences.get(node.input[0])
    position = None if items is None else _position(node, 1, len(items) - 1, graph)
    if position is not None:
        kept = list(items)
        del kept[position]
        graph.sequences[node.output[0]] = kept


def _split(node, graph):
    given = bodies.settings(node)
    axis, is_row = given.get("axis", 0), len(node.input) == 1 and not given.get("keepdims", 1)
    size = graph.size(node.input[0], axis)
    parts = graph.constant(node.input[1]) if len(node.input) > 1 else np.array(1)
    if size and parts is not None:
        ends = np.cumsum(parts) if parts.ndim else np.minimum(np.arange(0, size, parts) + parts, size)
        bounds = [0, *ends.tolist()]
        graph.sequences[node.output[0]] = [
            Part(node.input[0], start, end, axis, is_row) for start, end in zip(bounds, bounds[1:])
        ]


def _position(node, index, otherwise, graph):
    """A place in a sequence; None where it is known only at run time."""
    if len(node.input) <= index:
        return otherwise
    known = graph.constant(node.input[index])
    return None if known is None else known.item()


def _at(node, graph):
    items = graph.sequences.get(node.input[0])
    position = None if items is None else _position(node, 1, 0, graph)
    if position is None:
        return None
    item = items[position]
    if isinstance(item, Part):
        return item.nodes(node.output[0], graph)
    graph.name([item], node.output)
    return []


def _length(node, graph):
    if node.input[0] not in graph.sequences:
        return None
    length = graph.add(node.output[0] + "/length", np.array(len(graph.sequences[node.input[0]])))
    graph.name([length], node.output)
    return []


def _concatenated(node, graph):
    items = graph.sequences.get(node.input[0])
    if not items:
        return None
    (output,), given = node.output, bodies.settings(node)
    names, nodes = [], []
    for at, item in enumerate(items):
        names.append("{}/item.{}".format(output, at) if isinstance(item, Part) else item)
        nodes += item.nodes(names[-1], graph) if isinstance(item, Part) else []
    if given.get("new_axis", 0):
        return nodes + stacked(names, given["axis"], output, graph)
    return [*nodes, helper.make_node("Concat", names, [output], node.name, axis=given["axis"])]


EXPANSIONS = {
    "SequenceEmpty": _constructed,
    "SequenceConstruct": _constructed,
    "SequenceInsert": _inserted,
    "SequenceErase": _erased,
    "SplitToSequence": _split,
    "Identity": _passed_on,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "ConcatFromSequence": _concatenated,
}
