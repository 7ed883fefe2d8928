"""Pad."""

import numpy as np
import tensorflow as tf

from handlers.handler import UnsupportedError, handles

MODES = {"constant": "CONSTANT", "reflect": "REFLECT"}


@handles("Pad")
def pad(node, values):
    x = values[node.inputs[0]]
    widths = values.parameter(node, 1, "pads")
    value = values.parameter(node, 2, "value", 0)
    mode = node.attrs.get("mode", "constant")
    if mode not in MODES:
        raise UnsupportedError("TFLite has no padding of mode {!r}".format(mode), "use " + " or ".join(sorted(MODES)))
    if tf.is_tensor(widths) or tf.is_tensor(value):
        raise UnsupportedError(
            "its widths or its value is computed by the model", "export the model for a fixed input size"
        )
    before, after = np.reshape(widths, (2, -1)).astype(int)
    x = _cropped(x, before, after)
    added = np.maximum([before, after], 0).T.astype(np.int32)
    if not added.any():
        return [x]
    return [tf.pad(x, added, MODES[mode], constant_values=np.asarray(value).item())]


def _cropped(x, before, after):
    """The tensor without what negative widths take away."""
    if min(before.min(), after.min()) >= 0:
        return x
    kept = [
        slice(max(-int(first), 0), size + min(int(last), 0))
        for size, first, last in zip(x.shape.as_list(), before, after)
    ]
    return x[tuple(kept)]
