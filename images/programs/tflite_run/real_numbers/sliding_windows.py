"""Windows that move over height and width."""

import numpy as np


def strides(call):
    return [call.option("stride_h", 1), call.option("stride_w", 1)]


def dilations(call):
    return [call.option("dilation_h_factor", 1), call.option("dilation_w_factor", 1)]


def padded(call, x, sizes, fill):
    """An image with as much of ``fill`` around it as windows of these sizes need, and how many there are along height
    and width.
    """
    around, counts = [(0, 0)], []
    for size, window, stride, dilation in zip(x.shape[1:3], sizes, strides(call), dilations(call)):
        reach = (window - 1) * dilation + 1
        if call.options.get("padding") == "SAME":
            count = -(-size // stride)
            more = max((count - 1) * stride + reach - size, 0)
        else:
            count, more = (size - reach) // stride + 1, 0
        around.append((more // 2, more - more // 2))
        counts.append(count)
    return np.pad(x, [*around, (0, 0)], mode="constant", constant_values=fill), counts


def places(call, x, sizes, counts):
    """For each place in a window, what all windows have there: ((row, column), [batch, height, width, channels])."""
    (down, right), (down_by, right_by) = strides(call), dilations(call)
    for row in range(sizes[0]):
        for column in range(sizes[1]):
            top, left = row * down_by, column * right_by
            bottom, end = top + (counts[0] - 1) * down + 1, left + (counts[1] - 1) * right + 1
            yield (row, column), x[:, top:bottom:down, left:end:right]
