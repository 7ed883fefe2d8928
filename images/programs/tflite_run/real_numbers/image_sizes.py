"""Images in other sizes."""

import numpy as np

from .call import Definition


def _bilinear(call):
    x = call.inputs[0]
    for axis, size in zip((1, 2), call.whole(1)):
        last = x.shape[axis] - 1
        at = np.clip(_sources(call, x.shape[axis], size, np.float64), 0, last)
        before = np.floor(at).astype(int)
        share = (at - before).reshape([-1 if each == axis else 1 for each in range(4)])
        x = np.take(x, before, axis) * (1 - share) + np.take(x, np.minimum(before + 1, last), axis) * share
    return x


def _nearest(call):
    x = call.inputs[0]
    for axis, size in zip((1, 2), call.whole(1)):
        at = _sources(call, x.shape[axis], size, np.float32)
        if call.option("half_pixel_centers", False):
            at = at + np.float32(0.5)
        at = np.floor(at + np.float32(0.5)) if call.option("align_corners", False) else np.floor(at)
        x = np.take(x, np.clip(at, 0, x.shape[axis] - 1).astype(int), axis)
    return x


def _sources(call, old, new, kind):
    """Where each pixel along an axis comes from."""
    at = np.arange(new, dtype=kind)
    if call.option("align_corners", False) and new > 1:
        return at * kind((old - 1) / (new - 1))
    if call.option("half_pixel_centers", False):
        return (at + kind(0.5)) * kind(old / new) - kind(0.5)
    return at * kind(old / new)


DEFINITIONS = {
    "RESIZE_BILINEAR": Definition(_bilinear, 2, 512),
    "RESIZE_NEAREST_NEIGHBOR": Definition(_nearest, 0, 0),
}
