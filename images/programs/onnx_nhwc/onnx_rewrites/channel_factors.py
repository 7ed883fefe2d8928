"""Factors and offsets of channels, as those with which LayerNormalization ends: they become part of the weights of all
that reads the result.

What stands between may move elements about, as the windows of an attention do, but not along the channels.
"""

from typing import NamedTuple

import numpy as np

from . import weighted_nodes
from .onnx_graph import attributes


class Vector(NamedTuple):
    """A constant of a number for each channel, whose axis is counted from the last, -1."""

    numbers: np.ndarray
    axis: int


def apply(graph):
    """Leave out each product or sum with a vector that weights can take.

    The last is first, as these weights may then read what is before it.
    """
    shapes = None
    for node in graph.nodes[::-1]:
        x, vector = _with_vector(graph, node) if node.op_type in ("Add", "Mul") else ("", None)
        if vector is not None:
            shapes = graph.shapes() if shapes is None else shapes
            sizes = shapes.get(x) or []
            if len(sizes) >= -vector.axis and sizes[vector.axis] == vector.numbers.size:
                _apply(graph, shapes, node, x, vector)


def _with_vector(graph, node):
    """The operand of a node beside a constant vector, and the `Vector`; None for it if there is none."""
    for at, name in enumerate(node.input):
        array = graph.weight(name)
        if array is not None and array.dtype == np.float32 and 1 < array.size == max(array.shape, default=0):
            return node.input[1 - at], Vector(array.reshape(-1), int(np.argmax(array.shape)) - array.ndim)
    return "", None


def _apply(graph, shapes, node, x, vector):
    result = node.output[0]
    found = _read(graph, shapes, result, vector.axis)
    if found is None:
        return
    between, weighted = found
    numbers = vector.numbers.astype(np.float64)
    if node.op_type == "Add":
        if any(weighted_nodes.pads(each) for each in weighted):
            return
        for each in weighted:
            weighted_nodes.add_bias(graph, each, numbers)
    else:
        for each in weighted:
            weighted_nodes.scale(graph, each, numbers)
    graph.pass_on(node, x)
    shapes.update((new, shapes.get(old)) for old, new in graph.rename(between, "_unscaled").items())


def _read(graph, shapes, name, axis):
    """The nodes that only move the elements of a value, and the weighted ones that sum up its channels along an axis;
    None if others read it, too.
    """
    axes, between, weighted = {name: axis}, [], []
    for node in graph.nodes:
        read = [each for each in node.input if each in axes]
        if not read:
            continue
        moved = _moved(shapes, node, axes)
        if moved is not None:
            between.append(node)
            axes.update((each, moved) for each in node.output)
        elif _sums(graph, shapes, node, read, axes[read[0]]):
            weighted.append(node)
        else:
            return None
    return None if not weighted or any(each in axes for each in graph.outputs) else (between, weighted)


def _moved(shapes, node, axes):
    """The axis of the channels in what a node makes that moves no element along it; None for another node."""
    axis, settings = axes.get(node.input[0]), attributes(node)
    before, after = (shapes.get(name) or () for name in (node.input[0], node.output[0]))
    if axis is None or not before or not after:
        return None
    if node.op_type == "Concat":
        alike = all(axes.get(name) == axis for name in node.input)
        return axis if alike and settings["axis"] % len(after) != len(after) + axis else None
    if node.op_type == "Transpose" and "perm" in settings:
        return list(settings["perm"]).index(len(after) + axis) - len(after)
    if node.op_type == "Slice" or (node.op_type == "Reshape" and axis == -1):
        return axis if before[axis] == after[axis] is not None else None
    return None


def _sums(graph, shapes, node, read, axis):
    """Whether a node reads one value alone, of which it sums up the channels along an axis with weights of its own."""
    if len(read) > 1 or not weighted_nodes.sums(graph, node, read[0]) or len(graph.readers[node.input[1]]) > 1:
        return False
    rank = len(shapes.get(read[0]) or ())
    return rank > 0 and axis == (1 - rank if node.op_type == "Conv" else -1)
