"""Windows of an image as columns, and back."""

import torch
from torch.nn import functional

from .decomposition import decomposition, sizes


@decomposition("im2col", "kernel", "dilation", "padding", "stride")
def im2col(x, kernel, dilation, padding, stride):
    batch, channels, height, width = sizes(x)
    if _tiles((height, width), kernel, dilation, padding, stride):
        rows, columns = height // kernel[0], width // kernel[1]
        # No more than five axes, which is what TFLite can transpose.
        tiles = x.reshape(-1, rows, kernel[0], columns, kernel[1]).permute(0, 2, 4, 1, 3)
        return tiles.reshape(batch, -1, rows * columns)
    # One convolution that copies is cheaper than a slice for each element of the window.
    windows = functional.conv2d(x, _copying(kernel, channels), None, stride, padding, dilation, channels)
    return windows.flatten(2)


@decomposition("col2im", "size", "kernel", "dilation", "padding", "stride")
def col2im(x, size, kernel, dilation, padding, stride):
    counts = [
        (size[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
        for axis in range(2)
    ]
    batch, features, _ = sizes(x)
    channels = features // (kernel[0] * kernel[1])
    if _tiles(size, kernel, dilation, padding, stride):
        tiles = x.reshape(-1, *kernel, *counts).permute(0, 3, 1, 4, 2)
        return tiles.reshape(batch, channels, *size)
    missing = [
        size[axis] - ((counts[axis] - 1) * stride[axis] - 2 * padding[axis] + dilation[axis] * (kernel[axis] - 1) + 1)
        for axis in range(2)
    ]
    windows = x.reshape(-1, features, *counts)
    copying = _copying(kernel, channels)
    return functional.conv_transpose2d(windows, copying, None, stride, padding, missing, channels, dilation)


def _tiles(size, kernel, dilation, padding, stride):
    """Whether the windows cover the image without a gap or an overlap."""
    whole = not any(have % wide for have, wide in zip(size, kernel))
    return whole and stride == kernel and not any(padding) and (set(dilation) == {1} or set(kernel) == {1})


def _copying(kernel, channels):
    """Weights of a depthwise convolution to each element of the window."""
    count = kernel[0] * kernel[1]
    return torch.eye(count).reshape(count, 1, *kernel).repeat(channels, 1, 1, 1)
