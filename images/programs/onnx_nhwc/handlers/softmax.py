"""Softmax, LogSoftmax and Hardmax, along an axis or (before operator set 13) along all from one on."""

import numpy as np
import tensorflow as tf

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
    rank = x.shape.rank
    axis = node.attrs.get("axis", 1 if values.opset < 13 else -1) % rank
    if axis == rank - 1:
        return function(x)
    if values.opset < 13:
        shape = x.shape.as_list()
        return tf.reshape(function(tf.reshape(x, [-1, int(np.prod(shape[axis:]))])), shape)
    order = [index for index in range(rank) if index != axis] + [axis]
    return tf.transpose(function(tf.transpose(x, order)), np.argsort(order))
