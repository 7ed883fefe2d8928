"""Pad."""

import numpy as np
import tensorflow as tf

from . import channels, shaping
from .handler import UnsupportedError, handles

MODES = ("constant", "edge", "reflect")

# More dimensions TFLite does not pad.
LARGEST_RANK = 4


@handles("Pad")
def pad(node, values):
    x = values[node.inputs[0]]
    widths = values.fixed(node, 1, "pads")
    value = values.fixed(node, 2, "value", 0)
    mode = node.attrs.get("mode", "constant")
    if mode not in MODES:
        raise UnsupportedError("TFLite has no padding of mode {!r}".format(mode), "use " + " or ".join(MODES))
    before, after = np.reshape(widths, (2, -1)).astype(int)
    x = _cropped(x, before, after)
    added = np.maximum([before, after], 0).T.astype(np.int32)
    if not added.any():
        return [x]
    if mode == "edge":
        return [_repeated(x, added)]
    if mode == "reflect" and x.shape.rank == 4:
        # The layout pass turns no MirrorPad by itself.
        return [channels.last(x, lambda image: tf.pad(image, added[[0, 2, 3, 1]], "REFLECT"))]
    return [_padded(x, added, mode.upper(), np.asarray(value).item())]


def _padded(x, widths, mode, value):
    """tf.pad; where there are too many axes for TFLite, those that follow one another and are not padded are one."""
    sizes = x.shape.as_list()
    if len(sizes) <= LARGEST_RANK:
        return tf.pad(x, widths, mode, constant_values=value)
    padded = widths.any(axis=1)
    runs = [[0]]
    for axis in range(1, len(sizes)):
        if padded[axis] or padded[axis - 1]:
            runs.append([axis])
        else:
            runs[-1].append(axis)
    if len(runs) > LARGEST_RANK:
        last = np.zeros_like(widths)
        last[np.flatnonzero(padded)[-1]] = widths[padded][-1]
        return _padded(_padded(x, widths - last, mode, value), last, mode, value)
    merged = tf.reshape(x, [int(np.prod([sizes[axis] for axis in run])) for run in runs])
    merged = tf.pad(merged, widths[[run[0] for run in runs]], mode, constant_values=value)
    return tf.reshape(merged, sizes + widths.sum(axis=1))


def _repeated(x, widths):
    """The tensor with its first and its last element along each axis repeated."""
    for axis, (before, after) in enumerate(widths):
        places = (slice(None),) * axis
        first, last = (shaping.sliced(x, [*places, place]) for place in (slice(0, 1), slice(-1, None)))
        if before or after:
            x = tf.concat([first] * before + [x] + [last] * after, axis)
    return x


def _cropped(x, before, after):
    """The tensor without what negative widths take away."""
    if min(before.min(), after.min()) >= 0:
        return x
    kept = [
        slice(max(-int(first), 0), size + min(int(last), 0))
        for size, first, last in zip(x.shape.as_list(), before, after)
    ]
    return shaping.sliced(x, kept)
