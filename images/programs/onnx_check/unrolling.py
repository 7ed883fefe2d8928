"""Control flow whose course is known before a model runs: If becomes its branch, Loop and Scan are unrolled.

A Loop is unrolled if no data decides how often it runs, a Scan if the size that it goes through is known; neither into
a graph of more than `MOST` nodes.
"""

import numpy as np
from onnx import helper

from . import bodies, trip_count
from .open_graph import MOST, stacked

# Up to this one, each row of a batch is scanned by itself.
BATCHED_SCAN = 8


def _if(node, graph):
    condition = graph.constant(node.input[0])
    if condition is None:
        return None
    body = bodies.settings(node)["then_branch" if condition.all() else "else_branch"]
    prefix = _prefix(node)
    nodes, outputs = bodies.copied(body, graph.shared(body, prefix), prefix)
    graph.name(outputs, node.output)
    return nodes


def _loop(node, graph):
    body = bodies.settings(node)["body"]
    trips = trip_count.of(node, graph.constant, graph.opset, MOST)
    if trips is None or not graph.fits(body, trips):
        return None
    if not trips and any(node.output[len(node.input) - 2 :]):
        # The sizes of a stack of nothing are not known.
        return None
    prefix = _prefix(node)
    constants = graph.shared(body, prefix)
    nodes, carried, stacks = [], node.input[2:], []
    for turn in range(trips):
        at = "{}{}/".format(prefix, turn)
        own = [graph.add(at + value.name, _like(value, number)) for value, number in zip(body.input, (turn, True))]
        copies, (_, *made) = bodies.copied(body, dict(constants, **_bound(body, [*own, *carried])), at)
        nodes += copies
        carried = made[: len(carried)]
        stacks.append(made[len(carried) :])
    graph.name(carried, node.output)
    for rows, name in zip(zip(*stacks), node.output[len(carried) :]):
        nodes += stacked(rows, 0, name, graph)
    return nodes


def _like(value, number):
    """The number as an input of a body declares it: some exporters give it a dimension."""
    return np.full([1] * len(value.type.tensor_type.shape.dim), number, np.bool_ if number is True else np.int64)


def _scan(node, graph):
    scan = _Scan(node, graph)
    if graph.opset > BATCHED_SCAN:
        length = graph.size(node.input[-1], scan.axes[-1])
        return scan.unrolled(node.input, node.output, length) if length and graph.fits(scan.body, length) else None
    lengths, *inputs = node.input
    batch, length = (graph.size(inputs[-1], axis) for axis in (0, 1))
    if lengths or not batch or not length or not graph.fits(scan.body, batch * length):
        return None
    nodes, rows = [], []
    for row in range(batch):
        at = "{}{}/".format(_prefix(node), row)
        read = [at + name for name in inputs]
        index = graph.add(at + "row", np.int64(row))
        nodes += [helper.make_node("Gather", [name, index], [own], own, axis=0) for name, own in zip(inputs, read)]
        made = [at + name for name in node.output]
        nodes += scan.unrolled(read, made, length)
        rows.append([graph.value(name) for name in made])
    for parts, name in zip(zip(*rows), node.output):
        nodes += stacked(parts, 0, name, graph)
    return nodes


class _Scan:
    """What a Scan says of how it runs: the axis and the direction of each input that it goes through, and those of each
    output that it stacks.
    """

    def __init__(self, node, graph):
        given = bodies.settings(node)
        self.body = given["body"]
        count = given["num_scan_inputs"]
        self.states = len(self.body.input) - count
        rest = len(self.body.output) - self.states
        self.axes = given.get("scan_input_axes", [0] * count)
        self.backwards = given.get("scan_input_directions", given.get("directions", [0] * count))
        self.output_axes = given.get("scan_output_axes", [0] * rest)
        self.output_backwards = given.get("scan_output_directions", [0] * rest)
        self._graph = graph

    def unrolled(self, inputs, outputs, length):
        """Nodes that compute the outputs from the inputs in so many turns."""
        prefix = next(filter(None, outputs)) + "/"
        constants = self._graph.shared(self.body, prefix)
        states, scanned = inputs[: self.states], inputs[self.states :]
        nodes, stacks = [], []
        for turn in range(length):
            at = "{}{}/".format(prefix, turn)
            rows = []
            for number, name in enumerate(scanned):
                place = length - 1 - turn if self.backwards[number] else turn
                index = self._graph.add("{}at.{}".format(at, number), np.int64(place))
                rows.append("{}row.{}".format(at, number))
                row = helper.make_node("Gather", [name, index], rows[-1:], rows[-1], axis=self.axes[number])
                nodes.append(row)
            copies, made = bodies.copied(self.body, dict(constants, **_bound(self.body, [*states, *rows])), at)
            nodes += copies
            states = made[: self.states]
            stacks.append(made[self.states :])
        self._graph.name(states, outputs)
        for number, (rows, name) in enumerate(zip(zip(*stacks), outputs[self.states :])):
            ordered = rows[::-1] if self.output_backwards[number] else rows
            nodes += stacked(ordered, self.output_axes[number], name, self._graph)
        return nodes


def _prefix(node):
    return next(filter(None, node.output)) + "/"


def _bound(body, names):
    return {value.name: name for value, name in zip(body.input, names)}


EXPANSIONS = {"If": _if, "Loop": _loop, "Scan": _scan}
