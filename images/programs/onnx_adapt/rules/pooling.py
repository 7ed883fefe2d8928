"""Windows of images made one number each: with gaps in a window, or rounded up in number."""

import math

import numpy as np

from .rule import rule, sizes


@rule("AveragePool", since=(19, 22))
def average_pool(node, op):
    window = _Window(node)
    if window.is_plain:
        node.attributes.pop("dilations", None)
        return None
    (x,) = node.inputs
    counted = window.counts(sizes(x)[2:], bool(node.attributes.get_int("count_include_pad", 0)))
    return op.Div(window.sums(op, x), op.constant(counted, like=x))


@rule("LpPool", since=(18, 22))
def lp_pool(node, op):
    window = _Window(node)
    if window.is_plain:
        node.attributes.pop("dilations", None)
        node.attributes.pop("ceil_mode", None)
        return None
    (x,) = node.inputs
    power = node.attributes.get_int("p", 2)
    raised = op.Pow(op.Abs(x), op.constant(power, like=x))
    return op.Pow(window.sums(op, raised), op.constant(1 / power, like=x))


class _Window:
    """How a node's window moves over an image."""

    def __init__(self, node):
        attributes = node.attributes
        self.kernel = list(attributes.get_ints("kernel_shape"))
        ones = [1] * len(self.kernel)
        self.strides = list(attributes.get_ints("strides", ones))
        self.dilations = list(attributes.get_ints("dilations", ones))
        self.given_pads = list(attributes.get_ints("pads", [0] * 2 * len(ones)))
        self.auto_pad = attributes.get_string("auto_pad", "NOTSET")
        self.ceil = attributes.get_int("ceil_mode", 0)
        self.is_plain = self.dilations == ones and not self.ceil

    def sums(self, op, x):
        """The sum of each window: a convolution of each channel alone."""
        _, channels, *image = x.shape
        pads, counts = self._pads(sizes(x)[2:]), self._counts(sizes(x)[2:])
        beyond = [
            max(0, (count - 1) * stride + reach - (size + low + high))
            for count, stride, reach, size, (low, high) in zip(counts, self.strides, self._reach(), image, pads)
        ]
        ends = [high + more for (_, high), more in zip(pads, beyond)]
        alone = op.Reshape(x, op.constant([-1, 1, *image], "int64"))
        summed = op.Conv(
            alone,
            op.constant(np.ones([1, 1, *self.kernel]), like=x),
            kernel_shape=self.kernel,
            strides=self.strides,
            dilations=self.dilations,
            pads=[*(low for low, _ in pads), *ends],
        )
        return op.Reshape(summed, op.constant([-1, channels, *counts], "int64"))

    def counts(self, image, with_pads):
        """How many places of each window are in an image, or in it and its pads."""
        counted = np.ones([1] * len(image))
        for axis, (size, (low, high), count) in enumerate(zip(image, self._pads(image), self._counts(image))):
            places = np.arange(count)[:, None] * self.strides[axis] - low
            places = places + np.arange(self.kernel[axis]) * self.dilations[axis]
            first, last = (-low, size + high) if with_pads else (0, size)
            inside = ((places >= first) & (places < last)).sum(1)
            counted = counted * inside.reshape([-1 if at == axis else 1 for at in range(len(image))])
        return counted

    def _reach(self):
        return [(width - 1) * dilation + 1 for width, dilation in zip(self.kernel, self.dilations)]

    def _counts(self, image):
        """How many windows there are along each axis; none starts in the pad behind the image."""
        rounding = math.ceil if self.ceil else math.floor
        counts = []
        for size, (low, high), reach, stride in zip(image, self._pads(image), self._reach(), self.strides):
            count = rounding((size + low + high - reach) / stride) + 1
            counts.append(count - 1 if self.ceil and (count - 1) * stride >= size + low else count)
        return counts

    def _pads(self, image):
        """(before, behind) of each axis."""
        if not self.auto_pad.startswith("SAME"):
            return list(zip(self.given_pads, self.given_pads[len(image) :]))
        pads = []
        for size, reach, stride in zip(image, self._reach(), self.strides):
            total = max(0, (math.ceil(size / stride) - 1) * stride + reach - size)
            less, more = total // 2, total - total // 2
            pads.append((less, more) if self.auto_pad == "SAME_UPPER" else (more, less))
        return pads
