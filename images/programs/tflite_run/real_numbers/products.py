"""Convolutions and products of matrices."""

import numpy as np

from . import sliding_windows
from .call import Definition


def _convolution(call):
    x, weights = call.inputs[:2]
    groups = x.shape[3] // weights.shape[3]
    sizes = weights.shape[1:3]
    x, counts = sliding_windows.padded(call, x, sizes, 0)
    found = []
    for images, kernels in zip(np.split(x, groups, 3), np.split(weights, groups)):
        total = np.zeros((x.shape[0], *counts, len(kernels)))
        for (row, column), values in sliding_windows.places(call, images, sizes, counts):
            total += values @ kernels[:, row, column].T
        found.append(total)
    return _with_bias(np.concatenate(found, 3), call.input(2))


def _depthwise(call):
    x, weights = call.inputs[:2]
    x = np.repeat(x, weights.shape[3] // x.shape[3], 3)
    sizes = weights.shape[1:3]
    x, counts = sliding_windows.padded(call, x, sizes, 0)
    total = np.zeros((x.shape[0], *counts, x.shape[3]))
    for (row, column), values in sliding_windows.places(call, x, sizes, counts):
        total += values * weights[0, row, column]
    return _with_bias(total, call.input(2))


def _transposed(call):
    _, weights, x = call.inputs[:3]
    _, height, width, _ = call.shapes[0]
    down, right = sliding_windows.strides(call)
    rows, columns = weights.shape[1:3]
    reach = (x.shape[1] - 1) * down + rows, (x.shape[2] - 1) * right + columns
    same = call.options.get("padding") == "SAME"
    top, left = (max(size - wanted, 0) // 2 if same else 0 for size, wanted in zip(reach, (height, width)))
    total = np.zeros((x.shape[0], max(reach[0], top + height), max(reach[1], left + width), weights.shape[0]))
    for row in range(rows):
        for column in range(columns):
            bottom, end = row + (x.shape[1] - 1) * down + 1, column + (x.shape[2] - 1) * right + 1
            total[:, row:bottom:down, column:end:right] += x @ weights[:, row, column].T
    return _with_bias(total[:, top : top + height, left : left + width], call.input(3))


def _dense(call):
    x, weights = call.inputs[:2]
    return _with_bias(x.reshape(-1, weights.shape[1]) @ weights.T, call.input(2)).reshape(call.shapes[0])


def _matrices(call):
    x, y = call.inputs[:2]
    x = np.swapaxes(x, -1, -2) if call.option("adj_x", False) else x
    y = np.swapaxes(y, -1, -2) if call.option("adj_y", False) else y
    return x @ y


def _with_bias(values, bias):
    return values if bias is None else values + bias


DEFINITIONS = {
    "CONV_2D": Definition(_convolution, 1, 1),
    "DEPTHWISE_CONV_2D": Definition(_depthwise, 1, 1),
    "TRANSPOSE_CONV": Definition(_transposed, 1, 1),
    "FULLY_CONNECTED": Definition(_dense, 1, 1),
    "BATCH_MATMUL": Definition(_matrices, 1, 1),
}
