"""Channel shuffles that no operator does: the weights of the convolutions around them are put in another order.

A shuffled value is not computed but remembered, channel by channel, as what it is a choice of. Splitting and
concatenating such values chooses on; a convolution takes its channels in whichever order they lie in memory.
"""

import functools

import numpy as np
import onnx
from onnx import helper

from .onnx_graph import attributes

SHUFFLE = [0, 2, 1, 3, 4]

# What treats each channel for itself, and alike.
UNIFORM = ("AveragePool", "Clip", "GlobalAveragePool", "GlobalMaxPool", "LeakyRelu", "MaxPool", "Relu", "Sigmoid")


class _OrderError(Exception):
    """An operator reads a shuffled value that has to have its channels in their order."""


def apply(graph):
    """Take every channel shuffle out; or leave the graph alone, if some operator needs a shuffled value as it is."""
    # An older Slice has no inputs that say where.
    if graph.opset < 10 or not any(_order(node) == SHUFFLE for node in graph.nodes):
        return
    try:
        graph.nodes = _Choices(graph).nodes()
    except _OrderError:
        return


class _Choices:
    """``_chosen`` maps a value to its channels, each as (value, channel) of one that is computed.

    ``_made`` has the values made of such channels, in the order in which they lie in memory, by what they are made of.
    """

    def __init__(self, graph):
        self._graph = graph
        self._shapes = graph.shapes()
        self._places = {name: at for at, node in enumerate(graph.nodes) for name in node.output}
        self._shuffles = {}
        for node in graph.nodes:
            self._find_shuffle(node)
        self._chosen, self._made, self._nodes = {}, {}, []

    def nodes(self):
        """The graph's nodes, in an order in which they can be computed, without the shuffles."""
        steps = {step.output[0] for shuffle in self._shuffles.values() for step in shuffle}
        for node in self._graph.nodes:
            if node.output[0] in steps or self._chooses(node):
                continue
            self._nodes.append(self._reordered(node) if self._any(node.input) else node)
        if self._any(self._graph.outputs):
            raise _OrderError
        return self._nodes

    def _find_shuffle(self, node):
        """PyTorch's shuffle is three operators, of which the last is a Reshape."""
        makers = self._graph.makers
        transpose = makers.get(node.input[0]) if node.op_type == "Reshape" else None
        split = makers.get(transpose.input[0]) if transpose is not None and _order(transpose) == SHUFFLE else None
        if split is None or split.op_type != "Reshape" or not self._read_once(split, transpose):
            return
        whole, parts, joined = (self._shapes.get(name) for name in (split.input[0], split.output[0], node.output[0]))
        if whole is None or parts is None or len(parts) != 5 or joined != whole:
            return
        batch, channels, *spatial = whole
        if parts == [batch, parts[1], channels // parts[1], *spatial]:
            self._shuffles[node.output[0]] = split, transpose

    def _read_once(self, *nodes):
        return all(len(self._graph.readers[node.output[0]]) == 1 for node in nodes)

    def _chooses(self, node):
        """Remember what a node makes that only chooses channels; whether it is such a node."""
        axis = attributes(node).get("axis", 0)
        if node.output[0] in self._shuffles:
            split, _ = self._shuffles[node.output[0]]
            channels = self._expanded(split.input[0])
            groups = self._shapes[split.output[0]][1]
            order = np.arange(len(channels)).reshape(groups, -1).T.ravel()
            self._chosen[node.output[0]] = [channels[at] for at in order]
        elif node.op_type == "Concat" and axis == 1 and self._any(node.input):
            self._chosen[node.output[0]] = [channel for name in node.input for channel in self._channels(name)]
        elif node.op_type == "Split" and axis == 1 and self._any(node.input):
            channels = self._channels(node.input[0])
            sizes = [self._shapes[name][1] for name in node.output]
            for name, end, size in zip(node.output, np.cumsum(sizes), sizes):
                self._chosen[name] = channels[end - size : end]
        else:
            return False
        return True

    def _expanded(self, name):
        """The channels of a value; of a concatenation, those of what it joins."""
        maker = self._graph.makers.get(name)
        if maker is not None and maker.op_type == "Concat" and attributes(maker)["axis"] == 1:
            return [channel for joined in maker.input for channel in self._channels(joined)]
        return self._channels(name)

    def _channels(self, name):
        return self._chosen.get(name) or [(name, channel) for channel in range(self._shapes[name][1])]

    def _any(self, names):
        return any(name in self._chosen for name in names)

    def _reordered(self, node):
        """The node that reads its channels as they lie in memory."""
        if self._any(node.input[1:]):
            raise _OrderError
        made, order = self._in_memory(self._chosen[node.input[0]])
        reordered = onnx.NodeProto()
        reordered.CopyFrom(node)
        reordered.input[0] = made
        if node.op_type == "Conv" and attributes(node).get("group", 1) == 1:
            self._choose_weights(reordered, 1, lambda kernel: kernel[:, order])
        elif node.op_type == "Conv" and attributes(node)["group"] == len(order):
            of_outputs = functools.partial(_by_group, order=order)
            for at in range(1, len(node.input)):
                self._choose_weights(reordered, at, of_outputs)
            outputs = of_outputs(np.arange(self._shapes[node.output[0]][1]))
            self._remember(node.output[0], outputs)
        elif node.op_type in UNIFORM and len(node.output) == 1:
            self._remember(node.output[0], order)
        else:
            raise _OrderError
        return reordered

    def _remember(self, name, order):
        """``order`` lists the channels of a value as they lie in memory."""
        self._chosen[name] = [(name, at) for at in np.argsort(order).tolist()]

    def _choose_weights(self, node, at, choose):
        weights = self._graph.weight(node.input[at])
        if weights is None:
            raise _OrderError
        node.input[at] = self._graph.add_weight(node.input[at], choose(weights))

    def _in_memory(self, channels):
        """A value that has the channels as they lie in memory, and which one is where."""
        order = sorted(range(len(channels)), key=lambda at: (self._places.get(channels[at][0], -1), channels[at]))
        runs = _runs([channels[at] for at in order])
        if runs not in self._made:
            parts = [self._part(*run) for run in runs]
            self._made[runs] = parts[0] if len(parts) == 1 else self._add("Concat", parts, axis=1)
        return self._made[runs], order

    def _part(self, name, start, end):
        """The channels of a value from ``start`` to ``end``, which is not one of them."""
        if (start, end) == (0, self._shapes[name][1]):
            return name
        if (name, start, end) not in self._made:
            bounds = [self._graph.add_weight(name, np.array([bound], np.int64)) for bound in (start, end, 1)]
            self._made[name, start, end] = self._add("Slice", [name, *bounds])
        return self._made[name, start, end]

    def _add(self, op_type, inputs, **settings):
        name = self._graph.new_name(inputs[0])
        self._nodes.append(helper.make_node(op_type, inputs, [name], name=name, **settings))
        return name


def _order(node):
    return attributes(node).get("perm") if node.op_type == "Transpose" else None


def _by_group(weights, order):
    """Weights by output of a convolution with a group for each input, which come in another order."""
    by_group = weights.reshape(len(order), -1, *weights.shape[1:])
    return by_group[order].reshape(weights.shape)


def _runs(channels):
    """Channels that follow one another in one value, as (value, start, end)."""
    runs = []
    for name, channel in channels:
        if runs and runs[-1][0] == name and runs[-1][2] == channel:
            runs[-1] = (name, runs[-1][1], channel + 1)
        else:
            runs.append((name, channel, channel + 1))
    return tuple(runs)
