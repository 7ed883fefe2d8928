"""Convolutions in groups. TFLite's CONV_2D of TensorFlow 2.4.1 knows none: a file has a convolution for each group.

TensorFlow's own has groups where the kernel has fewer channels than the image. As one operator it is laid out in the
time of one, and written apart then.
"""

from collections import defaultdict

import numpy as np
from tensorflow.core.framework import attr_value_pb2, types_pb2

from .graph_def_rewrites.graph_def import add_constant, numbers, operands, set_constant

# How many groups, an attribute of a Conv2D: TensorFlow passes those by that begin like this.
GROUPS = "_groups"
# TFLite fuses an activation into a convolution, and into each of several, but not into what joins these.
ACTIVATIONS = ("Relu", "Relu6")
LAID_OUT = "{}-{}-DataFormatDimMapNCHWToNHWC-LayoutOptimizer"


def mark(convolved, groups):
    """Say in how many groups the Conv2D convolves that gives a tensor."""
    convolved.op._set_attr(GROUPS, attr_value_pb2.AttrValue(i=groups))  # noqa: SLF001 - there is no other way


def kernels(graph_def):
    """The names of the kernels of marked convolutions."""
    return {node.input[1] for node in graph_def.node if GROUPS in node.attr}


def write_apart(graph_def, weights):
    """Write marked convolutions apart, each with its bias and its activations. ``weights`` are constants by name in
    whose places the graph has placeholders; those that are written apart are no more among them then.
    """
    marked = [node for node in graph_def.node if GROUPS in node.attr]
    if marked:
        nodes, readers = {node.name: node for node in graph_def.node}, defaultdict(list)
        for node in graph_def.node:
            for name in node.input:
                readers[name].append(node)
        for node in marked:
            _Apart(graph_def, weights, nodes, readers, node).write()


class _Apart:
    """A marked convolution on its way to several."""

    def __init__(self, graph_def, weights, nodes, readers, node):
        self._graph_def, self._weights, self._nodes, self._readers = graph_def, weights, nodes, readers
        self._node = node
        self._groups = node.attr[GROUPS].i
        self._is_laid_out = node.attr["data_format"].s == b"NHWC"
        self._channels = 3 if self._is_laid_out else 1

    def write(self):
        node = self._node
        del node.attr[GROUPS]
        kernel = self._numbers(node.input[1])
        last = self._parts(node, self._split(node), np.split(kernel, self._groups, axis=3))
        following = self._readers[node.name]
        if [each.op for each in following] == ["BiasAdd"]:
            (biased,) = following
            bias = self._numbers(biased.input[1])
            last = self._parts(biased, last, np.split(bias, self._groups))
            following = self._readers[biased.name]
        joined = [each for each in following if each.op not in ACTIVATIONS]
        if joined:
            self._join(last, joined)
        for each in following:
            if each.op in ACTIVATIONS:
                self._join(self._parts(each, last), self._readers[each.name])

    def _split(self, node):
        scope = _scope(node)
        inputs = [self._axis(scope + "/split", 0), node.input[0]]
        split = self._graph_def.node.add(name=scope + "/split", op="Split", input=inputs)
        split.attr["T"].CopyFrom(node.attr["T"])
        split.attr["num_split"].i = self._groups
        # What gives the image may be written apart later.
        self._readers[node.input[0]] = [split if each is node else each for each in self._readers[node.input[0]]]
        return [split.name, *("{}:{}".format(split.name, at) for at in range(1, self._groups))]

    def _parts(self, node, inputs, constants=None):
        """Make a node one of several, which read the inputs and, if there are any, constants; the names of all."""
        parts = [node, *(self._graph_def.node.add() for _ in inputs[1:])]
        for at, part in enumerate(parts[1:], 1):
            part.CopyFrom(node)
            part.name = "{}_{}".format(node.name, at)
        for at, part in enumerate(parts):
            part.input[0] = inputs[at]
            if constants:
                kind = "filter" if part.op == "Conv2D" else "bias"
                part.input[1] = self._constant("{}/{}".format(part.name, kind), constants[at])
        return [part.name for part in parts]

    def _join(self, parts, readers):
        """Let what reads the first of the parts, which had been all of it, read them joined. Where nothing does but
        another join of channels, that takes them in.
        """
        if len(readers) == 1 and self._joins_channels(readers[0]):
            (node,) = readers
            *joined, _ = operands(node)
            joined = [part for name in joined for part in (parts if name == parts[0] else [name])]
            node.input[:] = [*joined, self._axis(node.name, len(joined))]
            node.attr["N"].i = len(joined)
            return
        scope = _scope(self._nodes[parts[0]])
        inputs = [*parts, self._axis(scope + "/concat", len(parts))]
        joined = self._graph_def.node.add(name=scope + "/concat", op="ConcatV2", input=inputs)
        joined.attr["T"].CopyFrom(self._node.attr["T"])
        joined.attr["Tidx"].type = types_pb2.DT_INT32
        joined.attr["N"].i = len(parts)
        for node in readers:
            node.input[:] = [joined.name if name == parts[0] else name for name in node.input]

    def _axis(self, name, position):
        """That of the channels, as a constant."""
        name = (LAID_OUT if self._is_laid_out else "{}/axis_{}").format(name, position)
        return self._constant(name, np.int32(self._channels))

    def _constant(self, name, array):
        """A constant, which takes the place of one of its name that nothing else reads; its name."""
        held = self._nodes.get(name)
        if held is None:
            self._nodes[name] = add_constant(self._graph_def, name, array)
        elif len(self._readers[name]) > 1:
            return self._constant(name + "/part", array)
        else:
            set_constant(held, array)
            self._weights.pop(name, None)
        return name

    def _joins_channels(self, node):
        return node.op == "ConcatV2" and self._numbers(operands(node)[-1]) == self._channels

    def _numbers(self, name):
        return numbers(self._weights.get(name, self._nodes[name]))


def _scope(node):
    return node.name.rpartition("/")[0]
