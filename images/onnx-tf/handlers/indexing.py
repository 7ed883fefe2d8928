"""Gather and Slice without the assertions of onnx-tf's, which TFLite has no operator for."""

import numpy as np
import tensorflow as tf

from handlers.handler import UnsupportedError, handles


@handles("Gather")
def gather(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", 0)
    size = x.shape[axis]
    indices = values.constant(node.inputs[1])
    if indices is None:
        # TFLite adds and compares integers of 32 bits.
        indices = tf.cast(values[node.inputs[1]], tf.int32)
        return [tf.gather(x, tf.where(indices < 0, indices + size, indices), axis=axis)]
    return [tf.gather(x, np.where(indices < 0, indices + size, indices).astype(np.int32), axis=axis)]


@handles("Slice")
def slice_(node, values):
    x = values[node.inputs[0]]
    rank = x.shape.rank
    starts, ends = values.parameter(node, 1, "starts"), values.parameter(node, 2, "ends")
    axes, steps = values.parameter(node, 3, "axes"), values.parameter(node, 4, "steps")
    if any(tf.is_tensor(parameter) for parameter in (starts, ends, axes, steps)):
        raise UnsupportedError(
            "where it starts or ends is computed by the model", "export the model for a fixed input size"
        )
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    window = [slice(None)] * rank
    for axis, start, end, step in zip(axes, starts, ends, steps):
        window[axis] = _slice(int(start), int(end), int(step), x.shape[axis])
    return [x[tuple(window)]]


def _slice(start, end, step, size):
    """A Python slice of a dimension; ONNX writes "to the very first, backwards" as an end far below zero."""
    first, last, _ = slice(start, end, step).indices(size)
    return slice(first, None if last < 0 else last, step)
