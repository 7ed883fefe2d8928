"""Operators that choose elements by index. onnx-tf's assert what TFLite has no operator for."""

import numpy as np
import tensorflow as tf

from . import shaping
from .broadcasting import LARGEST_RANK, in_a_row
from .handler import handles

# What TFLite counts places by.
LARGEST_OFFSETS = np.iinfo(np.int32).min, np.iinfo(np.int32).max


@handles("Gather")
def gather(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", 0) % x.shape.rank
    size = x.shape[axis]
    return [tf.gather(x, _indices(node, values, tf.shape(x)[axis] if size is None else size), axis=axis)]


@handles("GatherElements")
def gather_elements(node, values):
    x = values[node.inputs[0]]
    return [tf.gather(tf.reshape(x, [-1]), _flat_indices(node, values, x.shape.as_list()))]


@handles("GatherND")
def gather_nd(node, values):
    x = values[node.inputs[0]]
    batch = node.attrs.get("batch_dims", 0)
    rows, rest = _rows(node, values, x.shape.as_list(), batch)
    return [tf.gather(tf.reshape(x, [-1, *rest]) if rest else tf.reshape(x, [-1]), rows)]


@handles("Scatter", "ScatterElements")
def scatter_elements(node, values):
    x, updates = values[node.inputs[0]], values[node.inputs[2]]
    return [_scattered(x, _flat_indices(node, values, x.shape.as_list()), updates, [])]


@handles("ScatterND")
def scatter_nd(node, values):
    x, updates = values[node.inputs[0]], values[node.inputs[2]]
    rows, rest = _rows(node, values, x.shape.as_list(), 0)
    return [_scattered(x, rows, updates, rest)]


@handles("OneHot")
def one_hot(node, values):
    depth = int(np.reshape(values.fixed(node, 1, "depth"), ()))
    off, on = tf.unstack(values[node.inputs[2]])
    # Not all that ONNX allows: TFLite's ONE_HOT takes integers of 32 and of 64 bits.
    indices = tf.cast(values[node.inputs[0]], tf.int32)
    axis = node.attrs.get("axis", -1) % (indices.shape.rank + 1)
    return [tf.one_hot(_from_start(indices, depth), depth, on, off, axis)]


@handles("Slice")
def slice_(node, values):
    x = values[node.inputs[0]]
    names = ("starts", "ends", "axes", "steps")
    starts, ends, axes, steps = (values.fixed(node, index + 1, name) for index, name in enumerate(names))
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    window = [slice(None)] * x.shape.rank
    for axis, start, end, step in zip(axes, starts, ends, steps):
        window[axis] = _slice(int(start), int(end), int(step), x.shape[axis])
    return [shaping.sliced(x, window)]


@handles("ReverseSequence")
def reverse_sequence(node, values):
    x, lengths = values.inputs(node)
    time, batch = node.attrs.get("time_axis", 0), node.attrs.get("batch_axis", 1)
    # Both are among the first two axes; TensorFlow takes five at most.
    rows = tf.reshape(x, [*x.shape[:2], -1]) if x.shape.rank > LARGEST_RANK else x
    return [tf.reshape(tf.reverse_sequence(rows, lengths, time, batch), x.shape)]


def _slice(start, end, step, size):
    """A Python slice of a dimension; ONNX writes "to the very first, backwards" as an end far below zero."""
    if size is None:
        return slice(*np.clip((start, end, step), *LARGEST_OFFSETS).tolist())
    first, last, _ = slice(start, end, step).indices(size)
    return slice(first, None if last < 0 else last, step)


def _indices(node, values, size):
    """The node's indices into a dimension, counted from its start: an array if they are known, else a tensor."""
    known = values.constant(node.inputs[1])
    # TFLite adds and compares integers of 32 bits.
    indices = tf.cast(values[node.inputs[1]], tf.int32) if known is None else known.astype(np.int32)
    return _from_start(indices, size)


def _from_start(indices, size):
    """``size`` is a number, or one for each of the last axis of the indices, or a tensor of one."""
    if tf.is_tensor(indices) or (tf.is_tensor(size) and np.any(indices < 0)):
        return in_a_row(lambda x: tf.where(x < 0, x + size, x), tf.convert_to_tensor(indices), LARGEST_RANK)
    return (indices if tf.is_tensor(size) else np.where(indices < 0, indices + size, indices)).astype(np.int32)


def _flat_indices(node, values, shape):
    """The places in a flattened tensor that the indices of a GatherElements or ScatterElements mean."""
    axis = node.attrs.get("axis", 0) % len(shape)
    indices = _indices(node, values, shape[axis])
    strides = _strides(shape)
    places = [np.arange(size) * stride for size, stride in zip(indices.shape, strides)]
    places[axis] = np.zeros(indices.shape[axis], int)
    base = sum(np.ix_(*places)).astype(np.int32)
    return indices * np.int32(strides[axis]) + base


def _rows(node, values, shape, batch):
    """The rows that the indices of a GatherND or ScatterND mean, and the shape of a row.

    Rows are what is left of a tensor whose first dimensions, those that are indexed, are flattened.
    """
    known = values.constant(node.inputs[1])
    indices = tf.cast(values[node.inputs[1]], tf.int32) if known is None else known.astype(np.int32)
    depth = int(indices.shape[-1])
    indexed, rest = shape[: batch + depth], shape[batch + depth :]
    strides = _strides(indexed)
    indices = _from_start(indices, np.array(indexed[batch:], np.int32))
    weighted = indices * np.array(strides[batch:], np.int32)
    rows = weighted.sum(axis=-1) if known is not None else tf.reduce_sum(weighted, axis=-1)
    first = sum(np.ix_(*(np.arange(size) * stride for size, stride in zip(indexed[:batch], strides))), np.int32(0))
    first = np.reshape(first, np.shape(first) + (1,) * (len(rows.shape) - batch))
    return rows + first.astype(np.int32), rest


def _strides(shape):
    return [int(np.prod(shape[index + 1 :])) for index in range(len(shape))]


def _scattered(x, rows, updates, rest):
    """The tensor with some of its rows, which have the shape ``rest``, replaced."""
    count = x.shape.num_elements() // int(np.prod(rest))
    width = [int(np.prod(rest))] if rest else []
    flat, new = tf.reshape(x, [count, *width]), tf.reshape(updates, [-1, *width])
    if not tf.is_tensor(rows):
        # Choosing from the old and the new is one copy. The last of several for one place wins.
        chosen = np.arange(count, dtype=np.int32)
        chosen[rows.ravel()] = count + np.arange(rows.size)
        return tf.reshape(tf.gather(tf.concat([flat, new], axis=0), chosen), x.shape)
    places = tf.reshape(rows, [-1, 1])
    # TFLite has no operator that writes into a tensor: it scatters into zeros.
    replaced = tf.scatter_nd(places, tf.ones_like(new, tf.float32), flat.shape) > 0
    return tf.reshape(tf.where(replaced, tf.scatter_nd(places, new, flat.shape), flat), x.shape)
