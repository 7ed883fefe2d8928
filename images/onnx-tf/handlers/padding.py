"""Pad."""

import numpy as np
import tensorflow as tf

from handlers.handler import UnsupportedError, handles

MODES = ("constant", "edge", "reflect")


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
    return [tf.pad(x, added, mode.upper(), constant_values=np.asarray(value).item())]


def _repeated(x, widths):
    """The tensor with its first and its last element along each axis repeated."""
    for axis, (before, after) in enumerate(widths):
        places = (slice(None),) * axis
        first, last = x[(*places, slice(0, 1))], x[(*places, slice(-1, None))]
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
    return x[tuple(kept)]
