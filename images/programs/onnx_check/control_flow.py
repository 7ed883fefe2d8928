"""Control flow whose course is known before a model runs: If becomes its branch, Loop and Scan are unrolled.

It is known once sizes are fixed and constants folded. What is written out may have further constants: `simplify` folds
and expands by turns until nothing changes.
"""

import numpy as np
from onnx import helper, numpy_helper

from . import bodies, model_file, trip_count

# In nodes. A model of more takes minutes in the stages after this one.
MOST = 5000
# The first opset in which the axes of Unsqueeze are an input.
AXES_AS_INPUT = 13
# Up to this one, each row of a batch is scanned by itself.
BATCHED_SCAN = 8


def expand(model):
    """Write out in place each If, Loop and Scan of which it is known how it runs; whether there was any.

    A Loop is unrolled if no data decides how often it runs, a Scan if the size that it goes through is known; neither
    into a graph of more than `MOST` nodes.
    """
    if not any(node.op_type in EXPANSIONS for node in model.graph.node):
        return False
    return _Graph(model.graph, model_file.opset(model), model_file.inferred(model)).expand()


class _Graph:
    """A graph in which nodes are written out. ``types`` are those of values by name, ``outer`` is the graph around."""

    def __init__(self, graph, opset, types, outer=None):
        self.opset = opset
        self._graph = graph
        self._types = types
        self._outer = outer
        self._constants = {tensor.name: tensor for tensor in graph.initializer}

    def expand(self):
        kept, changed = [], False
        for node in self._graph.node:
            made = EXPANSIONS[node.op_type](node, self) if node.op_type in EXPANSIONS else None
            if made is None:
                inner = [_Graph(body, self.opset, self._types, self).expand() for body in bodies.of(node)]
                changed = changed or any(inner)
            kept += [node] if made is None else made
            changed = changed or made is not None
        if changed:
            bodies.replace_nodes(self._graph, kept)
        return changed

    def constant(self, name):
        """The numbers of a value that is known before the model runs, else None."""
        if name in self._constants:
            return numpy_helper.to_array(self._constants[name])
        return self._outer and self._outer.constant(name)

    def size(self, name, axis):
        """A size of a value, 0 where it is not known."""
        kind = self._types.get(name)
        return kind.shape.dim[axis].dim_value if kind is not None and kind.shape.dim else 0

    def add(self, name, array):
        """Keep an array as a constant of that name; the name."""
        tensor = self._graph.initializer.add()
        tensor.CopyFrom(numpy_helper.from_array(np.asarray(array), name))
        self._constants[name] = tensor
        return name

    def fits(self, body, count):
        return count * sum(1 for _ in model_file.nodes(body)) + len(self._graph.node) <= MOST

    def shared(self, body, prefix):
        """Take over the constants of a body, one for all its copies; their new names by the old."""
        for tensor in body.initializer:
            self.add(prefix + tensor.name, numpy_helper.to_array(tensor))
        return {tensor.name: prefix + tensor.name for tensor in body.initializer}


def _if(node, graph):
    condition = graph.constant(node.input[0])
    if condition is None:
        return None
    body = bodies.settings(node)["then_branch" if condition.all() else "else_branch"]
    prefix = _prefix(node)
    nodes, outputs = bodies.copied(body, graph.shared(body, prefix), prefix)
    return nodes + _named(outputs, node.output)


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
    nodes += _named(carried, node.output)
    for rows, name in zip(zip(*stacks), node.output[len(carried) :]):
        nodes += _stacked(rows, 0, name, graph)
    return nodes


def _like(value, number):
    """The number as an input of a body declares it: some exporters give it a dimension."""
    return np.full([1] * len(value.type.tensor_type.shape.dim), number, np.bool_ if number is True else np.int64)


def _scan(node, graph):
    scan = _Scan(node, graph)
    if graph.opset > BATCHED_SCAN:
        return scan.unrolled(node.input, node.output, graph.size(node.input[-1], scan.axes[-1]))
    lengths, *inputs = node.input
    batch, length = (graph.size(inputs[-1], axis) for axis in (0, 1))
    if lengths or not batch or not graph.fits(scan.body, batch * length):
        return None
    nodes, rows = [], []
    for row in range(batch):
        at = "{}{}/".format(_prefix(node), row)
        read = [at + name for name in inputs]
        index = graph.add(at + "row", np.int64(row))
        nodes += [helper.make_node("Gather", [name, index], [own], own, axis=0) for name, own in zip(inputs, read)]
        rows.append([at + name for name in node.output])
        made = scan.unrolled(read, rows[-1], length)
        if made is None:
            return None
        nodes += made
    for parts, name in zip(zip(*rows), node.output):
        nodes += _stacked(parts, 0, name, graph)
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
        stacked = len(self.body.output) - self.states
        self.axes = given.get("scan_input_axes", [0] * count)
        self.backwards = given.get("scan_input_directions", given.get("directions", [0] * count))
        self.output_axes = given.get("scan_output_axes", [0] * stacked)
        self.output_backwards = given.get("scan_output_directions", [0] * stacked)
        self._graph = graph

    def unrolled(self, inputs, outputs, length):
        """Nodes that compute the outputs from the inputs in so many turns; None where that is too much, or unknown."""
        if not length or not self._graph.fits(self.body, length):
            return None
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
        nodes += _named(states, outputs)
        for number, (rows, name) in enumerate(zip(zip(*stacks), outputs[self.states :])):
            ordered = rows[::-1] if self.output_backwards[number] else rows
            nodes += _stacked(ordered, self.output_axes[number], name, self._graph)
        return nodes


def _prefix(node):
    return next(filter(None, node.output)) + "/"


def _bound(body, names):
    return {value.name: name for value, name in zip(body.input, names)}


def _named(names, outputs):
    """Nodes that give values other names; no name is an output that nothing reads."""
    return [helper.make_node("Identity", [name], [out], out) for name, out in zip(names, outputs) if out]


def _stacked(rows, axis, output, graph):
    """Nodes that put values beside each other in a new dimension; none where nothing reads the output."""
    if not output:
        return []
    parts, nodes = ["{}/part.{}".format(output, at) for at in range(len(rows))], []
    settings, axes = ({"axes": [axis]}, []) if graph.opset < AXES_AS_INPUT else ({}, [output + "/axes"])
    for name in axes:
        graph.add(name, np.array([axis]))
    for row, part in zip(rows, parts):
        nodes.append(helper.make_node("Unsqueeze", [row, *axes], [part], part, **settings))
    return [*nodes, helper.make_node("Concat", parts, [output], output, axis=axis)]


# How each operator is written out: a function of the node and the `_Graph`; it returns nodes, or None to leave it.
EXPANSIONS = {"If": _if, "Loop": _loop, "Scan": _scan}
