"""MaxPool, AveragePool and their global forms."""

import functools

import numpy as np
import tensorflow as tf

from handlers import window
from handlers.handler import UnsupportedError, handles

NEVER_NEGATIVE = ("Relu", "Relu6", "Sigmoid", "Softmax")


@handles("MaxPool")
def max_pool(node, values):
    if len(node.outputs) > 1 and node.outputs[1]:
        raise UnsupportedError(
            "the indices of its maxima are asked for", "don't return the indices (return_indices=False)"
        )
    if any(dilation > 1 for dilation in node.attrs.get("dilations", [])):
        raise UnsupportedError("TFLite's pooling has no dilation", "use a pooling without dilation")
    return [_pool(node, values[node.inputs[0]], _max_pool)]


@handles("AveragePool")
def average_pool(node, values):
    counts_padding = node.attrs.get("count_include_pad", 0) == 1
    pool = functools.partial(_average_pool, counts_padding=counts_padding)
    return [_pool(node, values[node.inputs[0]], pool)]


@handles("GlobalMaxPool")
def global_max_pool(node, values):
    x = values[node.inputs[0]]
    return [tf.reduce_max(x, list(range(2, x.shape.rank)), keepdims=True)]


@handles("GlobalAveragePool")
def global_average_pool(node, values):
    x = values[node.inputs[0]]
    return [tf.reduce_mean(x, list(range(2, x.shape.rank)), keepdims=True)]


def _pool(node, x, pool):
    if x.shape.rank == 3:
        window.image_node(node)
        return window.as_sequence(_pool(node, window.as_image(x), pool))
    if x.shape.rank != 4:
        raise UnsupportedError(
            "its input has {} dimensions".format(x.shape.rank),
            "TFLite of TensorFlow 2.4.1 pools over one or two spatial dimensions",
        )
    return pool(x, window.axes(node, x.shape[2:].as_list(), node.attrs["kernel_shape"]))


def _max_pool(x, spatial):
    # A zero loses against every element that is not negative, and is the one pad that quantizes well.
    never_negative = x.op.type in NEVER_NEGATIVE
    x, padding = window.padding(x, spatial, 0 if never_negative else x.dtype.min)
    return tf.nn.max_pool2d(x, _kernel(spatial), _strides(spatial), padding, data_format="NCHW")


def _average_pool(x, spatial, counts_padding):
    if all(axis.is_same for axis in spatial) and not counts_padding:
        # TensorFlow's SAME leaves padding out of the average, too.
        return tf.nn.avg_pool2d(x, _kernel(spatial), _strides(spatial), "SAME", data_format="NCHW")
    x = window.padded(x, spatial)
    averages = tf.nn.avg_pool2d(x, _kernel(spatial), _strides(spatial), "VALID", data_format="NCHW")
    rows, columns = [_counted(axis, counts_padding) for axis in spatial]
    counted = np.outer(rows, columns) / (spatial[0].kernel * spatial[1].kernel)
    if np.all(counted == 1):
        return averages
    return averages * (1 / counted[np.newaxis, np.newaxis]).astype(x.dtype.as_numpy_dtype)


def _counted(axis, counts_padding):
    """How many elements of each window on an axis are part of its average."""
    first, last = (-axis.before, axis.size + axis.after) if counts_padding else (0, axis.size)
    return np.minimum(axis.starts + axis.extent, last) - np.maximum(axis.starts, first)


def _kernel(spatial):
    return [1, 1] + [axis.kernel for axis in spatial]


def _strides(spatial):
    return [1, 1] + [axis.stride for axis in spatial]
