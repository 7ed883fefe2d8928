"""What ONNX says of sliding windows, in plain numpy loops."""

import numpy as np


def windows(x, kernel, strides, pads, dilations=(1, 1), fill=0.0, ceil_mode=False):
    """Every window of an NCHW array: {(row, column): its elements, NCHW}, in an array padded with ``fill``.

    ``pads`` are (top, left, bottom, right).
    """
    top, left, bottom, right = pads
    extents = [(width - 1) * dilation + 1 for width, dilation in zip(kernel, dilations)]
    room = [
        x.shape[2] + top + bottom - extents[0],
        x.shape[3] + left + right - extents[1],
    ]
    counts = [-(-size // stride) + 1 if ceil_mode else size // stride + 1 for size, stride in zip(room, strides)]
    more = extents
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom + more[0]), (left, right + more[1])), "constant", constant_values=fill)
    return {
        (row, column): x[
            :,
            :,
            row * strides[0] : row * strides[0] + extents[0] : dilations[0],
            column * strides[1] : column * strides[1] + extents[1] : dilations[1],
        ]
        for row in range(counts[0])
        for column in range(counts[1])
    }


def gathered(found):
    """One array of what was computed for each window, each of shape [N, C]."""
    rows, columns = (max(place[axis] for place in found) + 1 for axis in (0, 1))
    first = next(iter(found.values()))
    y = np.zeros((*first.shape, rows, columns), np.float32)
    for (row, column), value in found.items():
        y[:, :, row, column] = value
    return y


def conv(x, w, b=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    parts = []
    for part, filters in zip(np.split(x, group, axis=1), np.split(w, group)):
        places = windows(part, w.shape[2:], strides, pads, dilations)
        parts.append(gathered({place: np.einsum("nchw,ochw->no", seen, filters) for place, seen in places.items()}))
    y = np.concatenate(parts, axis=1)
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def max_pool(x, kernel, strides=(1, 1), pads=(0, 0, 0, 0), ceil_mode=False):
    places = windows(x, kernel, strides, pads, fill=-np.inf, ceil_mode=ceil_mode)
    return gathered({place: seen.max(axis=(2, 3)) for place, seen in places.items()})


def average_pool(x, kernel, strides=(1, 1), pads=(0, 0, 0, 0), ceil_mode=False, count_include_pad=False):
    counted = np.ones_like(x)
    if count_include_pad:
        counted = np.pad(
            counted, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), "constant", constant_values=1
        )
        counts = windows(counted, kernel, strides, (0, 0, 0, 0), ceil_mode=ceil_mode)
    else:
        counts = windows(counted, kernel, strides, pads, ceil_mode=ceil_mode)
    places = windows(x, kernel, strides, pads, ceil_mode=ceil_mode)
    return gathered({place: seen.sum(axis=(2, 3)) / counts[place].sum(axis=(2, 3)) for place, seen in places.items()})
