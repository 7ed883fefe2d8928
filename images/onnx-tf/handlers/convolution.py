"""Conv, with one or two spatial dimensions."""

import numpy as np
import tensorflow as tf

from handlers import window
from handlers.handler import UnsupportedError, handles


@handles("Conv")
def conv(node, values):
    x = values[node.inputs[0]]
    kernel = values.constant(node.inputs[1])
    biased = len(node.inputs) > 2 and node.inputs[2] != ""
    bias = values.constant(node.inputs[2]) if biased else None
    if kernel is None or (biased and bias is None):
        raise UnsupportedError("its kernel or its bias is computed by the model", "make both parameters of the model")
    if x.shape.rank == 3:
        window.image_node(node)
        return [window.as_sequence(_conv(node, window.as_image(x), kernel[:, :, np.newaxis], bias))]
    if x.shape.rank != 4:
        raise UnsupportedError(
            "its input has {} dimensions".format(x.shape.rank),
            "TFLite of TensorFlow 2.4.1 convolves over one or two spatial dimensions",
        )
    return [_conv(node, x, kernel, bias)]


def _conv(node, x, kernel, bias):
    spatial = window.axes(node, x.shape[2:].as_list(), kernel.shape[2:])
    x, padding = window.padding(x, spatial)
    settings = {
        "strides": [1, 1] + [axis.stride for axis in spatial],
        "dilations": [1, 1] + [axis.dilation for axis in spatial],
        "padding": padding,
        "data_format": "NCHW",
    }
    groups = node.attrs.get("group", 1)
    if groups == 1:
        return _biased(tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), **settings), bias)
    if groups == x.shape[1] and _is_even(spatial):
        return _biased(_depthwise(x, kernel, settings), bias)
    return _grouped(x, kernel, bias, groups, settings)


def _is_even(spatial):
    """Whether DepthwiseConv2dNative can do it.

    It wants the same stride on both axes, and TensorFlow's CPU kernel ignores dilation.
    """
    return spatial[0].stride == spatial[1].stride and all(axis.dilation == 1 for axis in spatial)


def _depthwise(x, kernel, settings):
    outputs, _, height, width = kernel.shape
    channels = x.shape[1]
    # ONNX has the multiplier inside of the output channels, TensorFlow as a dimension of its own.
    filters = kernel.reshape(channels, outputs // channels, height, width).transpose(2, 3, 0, 1)
    return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=filters, **settings)


def _grouped(x, kernel, bias, groups, settings):
    # TFLite's CONV_2D of 2.4.1 knows no groups. Each group has its own bias, so that it becomes part of its CONV_2D.
    biases = [None] * groups if bias is None else np.split(bias, groups)
    parts = zip(tf.split(x, groups, axis=1), np.split(kernel, groups), biases)
    return tf.concat(
        [_biased(tf.nn.conv2d(part, filters.transpose(2, 3, 1, 0), **settings), add) for part, filters, add in parts],
        axis=1,
    )


def _biased(x, bias):
    return x if bias is None else tf.nn.bias_add(x, bias, data_format="NCHW")
