"""Sliding windows: where the kernels of a convolution or a pooling stand, and what of it is padding."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from .handler import UnsupportedError


class Axis(NamedTuple):
    """One spatial axis: ``outputs`` windows over ``size`` elements, with padding declared ``before`` and ``after``."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    outputs: int

    @property
    def extent(self):
        """How many elements a window spans."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def span(self):
        """How many elements there are from where the first window starts to where the last does."""
        return (self.outputs - 1) * self.stride + 1

    @property
    def starts(self):
        """Where each window starts, counted from the first element behind the padding."""
        return np.arange(self.outputs) * self.stride - self.before

    @property
    def read_after(self):
        """How much padding the last window reads. Less than declared if the stride does not come out even."""
        return max(int(self.starts[-1]) + self.extent - self.size, 0)

    @property
    def is_same(self):
        """Whether TensorFlow's SAME puts the windows where these stand."""
        outputs = -(-self.size // self.stride)
        total = max((outputs - 1) * self.stride + self.extent - self.size, 0)
        return self.outputs == outputs and self.before == total // 2


class TransposedAxis(NamedTuple):
    """One spatial axis of a ConvTranspose, of ``size`` elements: ``before`` are cut off of what they make."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    outputs: int

    @property
    def extent(self):
        return (self.kernel - 1) * self.dilation + 1

    @property
    def valid(self):
        """How many elements TensorFlow's VALID has to make."""
        return max((self.size - 1) * self.stride + self.extent, self.before + self.outputs)

    @property
    def cut(self):
        return self.outputs != self.valid

    @property
    def is_same(self):
        """Whether TensorFlow's SAME makes the same elements."""
        total = max((self.size - 1) * self.stride + self.extent - self.outputs, 0)
        return -(-self.outputs // self.stride) == self.size and self.before == total // 2

    def plain(self):
        """The `Axis` of the convolution that does the same, once each element has ``stride`` - 1 zeros after it."""
        size, before = self.size * self.stride, self.extent - 1 - self.before
        after = self.outputs - 1 + self.extent - before - size
        return Axis(size, self.kernel, 1, self.dilation, before, after, self.outputs)


def axes(node, sizes, kernel):
    """The `Axis` of each spatial dimension of a Conv, MaxPool or AveragePool node."""
    if any(size is None for size in sizes):
        raise UnsupportedError(
            "the height and width of its input are not known", "export the model for a fixed input size"
        )
    rank = len(sizes)
    strides = node.attrs.get("strides", [1] * rank)
    dilations = node.attrs.get("dilations", [1] * rank)
    pads = node.attrs.get("pads", [0] * 2 * rank)
    auto_pad = node.attrs.get("auto_pad", "NOTSET")
    ceil_mode = node.attrs.get("ceil_mode", 0)
    return [
        _axis(size, width, stride, dilation, pads[index], pads[index + rank], auto_pad, ceil_mode)
        for index, (size, width, stride, dilation) in enumerate(zip(sizes, kernel, strides, dilations))
    ]


def transposed_axes(node, sizes, kernel):
    """The `TransposedAxis` of each spatial dimension of a ConvTranspose node."""
    rank = len(sizes)
    strides = node.attrs.get("strides", [1] * rank)
    dilations = node.attrs.get("dilations", [1] * rank)
    pads = node.attrs.get("pads", [0] * 2 * rank)
    added = node.attrs.get("output_padding", [0] * rank)
    auto_pad = node.attrs.get("auto_pad", "NOTSET")
    outputs = node.attrs.get("output_shape", [None] * rank)[-rank:]
    found = []
    for index, (size, width, stride, dilation) in enumerate(zip(sizes, kernel, strides, dilations)):
        made = (size - 1) * stride + (width - 1) * dilation + 1 + added[index]
        before, wanted = pads[index], outputs[index]
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            wanted = wanted or size * stride
        if wanted is None:
            wanted = made - before - pads[index + rank]
        else:
            total = max(made - wanted, 0)
            # ONNX has corrected its text: it said the opposite up to version 1.9.
            before = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
        found.append(TransposedAxis(size, width, stride, dilation, before, wanted))
    return found


def _axis(size, kernel, stride, dilation, before, after, auto_pad, ceil_mode):
    extent = (kernel - 1) * dilation + 1
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        outputs = -(-size // stride)
        total = max((outputs - 1) * stride + extent - size, 0)
        smaller, larger = total // 2, total - total // 2
        before, after = (smaller, larger) if auto_pad == "SAME_UPPER" else (larger, smaller)
    elif auto_pad == "VALID":
        before = after = 0
    room = size + before + after - extent
    outputs = room // stride + 1
    # PyTorch starts no window in the padding at the end.
    if ceil_mode and room % stride and outputs * stride < size + before:
        outputs += 1
    if outputs < 1:
        raise UnsupportedError("its kernel is larger than its input", "give the model a larger input")
    return Axis(size, kernel, stride, dilation, before, after, outputs)


def padding(x, spatial, value=0):
    """The NCHW tensor, padded with ``value`` if need be, and TensorFlow's name for the padding that is left to do."""
    if all(axis.is_same for axis in spatial):
        return x, "SAME"
    return padded(x, spatial, value), "VALID"


def padded(x, spatial, value=0):
    """The NCHW tensor with all the padding that its windows read."""
    widths = [(0, 0), (0, 0)] + [(axis.before, axis.read_after) for axis in spatial]
    if not np.any(widths):
        return x
    return tf.pad(x, widths, constant_values=value)


def as_image(x):
    """A tensor of rank 3 as one of rank 4 with height 1: TFLite's windows are two-dimensional."""
    if x.op.type == "Squeeze" and x.op.get_attr("squeeze_dims") == [2]:
        return x.op.inputs[0]
    return tf.expand_dims(x, 2)


def as_sequence(x):
    """What `as_image` did, undone."""
    return tf.squeeze(x, [2])


def image_node(node):
    """Put the height of `as_image` into the attributes of a node for rank 3."""
    neutral = {"kernel_shape": [1], "strides": [1], "dilations": [1], "output_padding": [0]}
    for name, value in neutral.items():
        if name in node.attrs:
            node.attrs[name] = value + node.attrs[name]
    if "output_shape" in node.attrs:
        node.attrs["output_shape"] = [1, *node.attrs["output_shape"][-1:]]
    if "pads" in node.attrs:
        before, after = node.attrs["pads"]
        node.attrs["pads"] = [0, before, 0, after]
