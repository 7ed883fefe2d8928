"""Softmax, LogSoftmax and Hardmax, along an axis or (before operator set 13) along all from one on."""

import numpy as np
import tensorflow as tf

from .broadcasting import LARGEST_RANK
from .handler import handles


@handles("Softmax")
def softmax(node, values):
    return [_along_axis(node, values, tf.nn.softmax)]


@handles("LogSoftmax")
def log_softmax(node, values):
    return [_along_axis(node, values, tf.nn.log_softmax)]


@handles("Hardmax")
def hardmax(node, values):
    return [_along_axis(node, values, _hardmax)]


def _hardmax(x):
    return tf.one_hot(tf.argmax(x, axis=-1, output_type=tf.int32), x.shape[-1], dtype=x.dtype)


def _along_axis(node, values, function):
    """The function, which works along the last axis, as the node's operator set says."""
    x = values[node.inputs[0]]
    sizes = x.shape.as_list()
    axis = node.attrs.get("axis", 1 if values.opset < 13 else -1) % len(sizes)
    before, after = int(np.prod(sizes[:axis])), int(np.prod(sizes[axis + 1 :]))
    if values.opset < 13 and axis < len(sizes) - 1:
        return tf.reshape(function(tf.reshape(x, [before, sizes[axis] * after])), sizes)
    if len(sizes) <= LARGEST_RANK:
        return _along(axis, function, x)
    rows = [before, sizes[axis]] if after == 1 else [before, sizes[axis], after]
    return tf.reshape(_along(1, function, tf.reshape(x, rows)), sizes)


def _along(axis, function, x):
    if axis == x.shape.rank - 1:
        return function(x)
    order = [index for index in range(x.shape.rank) if index != axis] + [axis]
    return tf.transpose(function(tf.transpose(x, order)), np.argsort(order))
