"""Conv and ConvTranspose, with one to three spatial dimensions."""

import numpy as np
import tensorflow as tf

from .. import groups as in_groups
from . import channels, volume, window
from .handler import UnsupportedError, handles


@handles("Conv")
def conv(node, values):
    x, kernel, bias = _parameters(node, values)
    if x.shape.rank == 3:
        window.image_node(node)
        return [window.as_sequence(_conv(node, window.as_image(x), kernel[:, :, np.newaxis], bias))]
    if x.shape.rank == 5:
        spatial = window.axes(node, x.shape[2:].as_list(), kernel.shape[2:])
        frames = volume.to_frames(x, values.volumes)
        convolved = _conv_of_frames(frames, x.shape[0], kernel, bias, node.attrs.get("group", 1), spatial)
        return [volume.from_frames(convolved, x.shape[0])]
    return [_conv(node, x, kernel, bias)]


@handles("ConvTranspose")
def conv_transpose(node, values):
    x, kernel, bias = _parameters(node, values)
    if x.shape.rank == 3:
        window.image_node(node)
        return [window.as_sequence(_transpose(node, window.as_image(x), kernel[:, :, np.newaxis], bias))]
    if x.shape.rank == 5:
        return [_transpose_of_volume(node, values, x, kernel, bias)]
    return [_transpose(node, x, kernel, bias)]


def _parameters(node, values):
    """The input as a tensor, kernel and bias as arrays."""
    x = values[node.inputs[0]]
    kernel = values.constant(node.inputs[1])
    biased = len(node.inputs) > 2 and node.inputs[2] != ""
    bias = values.constant(node.inputs[2]) if biased else None
    if kernel is None or (biased and bias is None):
        raise UnsupportedError("its kernel or its bias is computed by the model", "make both parameters of the model")
    if not 3 <= x.shape.rank <= 5:
        raise UnsupportedError(
            "its input has {} dimensions".format(x.shape.rank), "convolve over one, two or three spatial dimensions"
        )
    return x, kernel, bias


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
    if groups == x.shape[1] and spatial[0].stride == spatial[1].stride:
        if all(axis.dilation == 1 for axis in spatial):
            return _biased(_depthwise(x, kernel, settings), bias)
        if spatial[0].stride == 1:
            return _dilated_depthwise(x, kernel, bias, padding, settings["dilations"][2:])
    convolved = tf.nn.conv2d(x, kernel.transpose(2, 3, 1, 0), **settings)
    in_groups.mark(convolved, groups)
    return _biased(convolved, bias)


def _depthwise(x, kernel, settings):
    return tf.raw_ops.DepthwiseConv2dNative(input=x, filter=_depthwise_filters(kernel, x.shape[1]), **settings)


def _dilated_depthwise(x, kernel, bias, padding, dilations):
    """By SpaceToBatch and BatchToSpace, of which the converter makes one operator: TensorFlow's ignores dilation."""
    filters = _depthwise_filters(kernel, x.shape[1])

    def convolve(image):
        found = tf.nn.depthwise_conv2d(image, filters, [1, 1, 1, 1], padding, dilations=dilations)
        return found if bias is None else tf.nn.bias_add(found, bias)

    return channels.last(x, convolve)


def _depthwise_filters(kernel, count):
    """ONNX has the multiplier inside of the output channels, TensorFlow as a dimension of its own."""
    outputs, _, height, width = kernel.shape
    return kernel.reshape(count, outputs // count, height, width).transpose(2, 3, 0, 1)


def _biased(x, bias):
    return x if bias is None else tf.nn.bias_add(x, bias, data_format="NCHW")


def _conv_of_frames(frames, batch, kernel, bias, groups, spatial):
    """A convolution over volumes: one over images that have the frames of a window as channels."""
    depth, *plane = spatial
    widths = [(0, 0)] + [(axis.before, axis.read_after) for axis in plane] + [(0, 0)]
    same = all(axis.is_same for axis in plane)
    settings = {
        "strides": [axis.stride for axis in plane],
        "dilations": [axis.dilation for axis in plane],
        "padding": "SAME" if same else "VALID",
    }
    parts = []
    for part, filters in zip(tf.split(frames, groups, axis=3), np.split(kernel, groups)):
        seen = volume.slices(part, batch, depth)
        seen = tf.concat(seen, axis=3) if len(seen) > 1 else seen[0]
        seen = seen if same or not np.any(widths) else tf.pad(seen, widths)
        outputs, inputs, count, height, width = filters.shape
        images = filters.transpose(3, 4, 2, 1, 0).reshape(height, width, count * inputs, outputs)
        parts.append(tf.nn.conv2d(seen, images, **settings))
    convolved = tf.concat(parts, axis=3) if groups > 1 else parts[0]
    return convolved if bias is None else tf.nn.bias_add(convolved, bias)


def _transpose(node, x, kernel, bias):
    spatial = window.transposed_axes(node, x.shape[2:].as_list(), kernel.shape[2:])
    groups = node.attrs.get("group", 1)
    # [H, W, outputs, inputs], spread by the dilation: TFLite's TRANSPOSE_CONV knows none.
    filters = [_dilated(part, spatial).transpose(2, 3, 1, 0) for part in np.split(kernel, groups)]
    is_same = all(axis.is_same for axis in spatial)
    sizes = [axis.outputs if is_same else axis.valid for axis in spatial]
    strides = [axis.stride for axis in spatial]

    # Each group has its own bias, and before anything is cut off: so it becomes part of its TRANSPOSE_CONV.
    biases = [None] * groups if bias is None else np.split(bias, groups)

    def transpose(image):
        parts = []
        for part, weights, add in zip(tf.split(image, groups, axis=3), filters, biases):
            size = [image.shape[0], *sizes, weights.shape[2]]
            found = tf.nn.conv2d_transpose(part, weights, size, strides, "SAME" if is_same else "VALID")
            parts.append(found if add is None else tf.nn.bias_add(found, add))
        found = tf.concat(parts, axis=3) if groups > 1 else parts[0]
        if not is_same and any(axis.cut for axis in spatial):
            rows, columns = (slice(axis.before, axis.before + axis.outputs) for axis in spatial)
            found = found[:, rows, columns]
        return found

    return channels.last(x, transpose)


def _dilated(kernel, spatial):
    shape = [(axis.kernel - 1) * axis.dilation + 1 for axis in spatial]
    spread = np.zeros([*kernel.shape[:2], *shape], kernel.dtype)
    spread[(slice(None), slice(None), *(slice(None, None, axis.dilation) for axis in spatial))] = kernel
    return spread


def _transpose_of_volume(node, values, x, kernel, bias):
    """A convolution, with the kernel turned around, of the input with zeros between its elements."""
    spatial = window.transposed_axes(node, x.shape[2:].as_list(), kernel.shape[2:])
    plain = [axis.plain() for axis in spatial]
    if any(axis.before < 0 for axis in plain):
        raise UnsupportedError("its padding is larger than its kernel", "use less padding")
    groups = node.attrs.get("group", 1)
    parts = [part.swapaxes(0, 1)[:, :, ::-1, ::-1, ::-1] for part in np.split(kernel, groups)]
    frames = volume.spread(volume.to_frames(x, values.volumes), x.shape[0], [axis.stride for axis in spatial])
    convolved = _conv_of_frames(frames, x.shape[0], np.concatenate(parts), bias, groups, plain)
    return volume.from_frames(convolved, x.shape[0])
