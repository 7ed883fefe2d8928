"""Resize and Upsample: TFLite's own operators where they say the same, else a product or a choice along each axis."""

import numpy as np
import tensorflow as tf

from . import channels
from .handler import UnsupportedError, handles

# What TFLite's RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR can be told.
SETTINGS = (
    {"align_corners": False, "half_pixel_centers": False},
    {"align_corners": False, "half_pixel_centers": True},
    {"align_corners": True, "half_pixel_centers": False},
)

ROUNDINGS = {
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@handles("Upsample")
def upsample(node, values):
    scales = values.fixed(node, 1, "scales")
    return [_resized(node, values[node.inputs[0]], scales, None, "asymmetric", "floor")]


@handles("Resize")
def resize(node, values):
    x = values[node.inputs[0]]
    if values.opset < 11:
        return [_resized(node, x, values.fixed(node, 1, "scales"), None, "asymmetric", "floor")]
    roi, scales, sizes = (values.fixed(node, index, name) for index, name in ((1, "roi"), (2, "scales"), (3, "sizes")))
    coordinates = node.attrs.get("coordinate_transformation_mode", "half_pixel")
    rounding = node.attrs.get("nearest_mode", "round_prefer_floor")
    return [_resized(node, x, scales, sizes, coordinates, rounding, roi)]


def _resized(node, x, scales, sizes, coordinates, rounding, roi=None):
    shape = x.shape.as_list()
    if sizes is None or len(sizes) == 0:
        sizes = np.floor(np.array(shape) * scales + 1e-6).astype(int)
    else:
        scales = np.array(sizes) / shape
    roi = np.array([0] * len(shape) + [1] * len(shape) if roi is None or len(roi) == 0 else roi).reshape(2, -1)
    mode = node.attrs.get("mode", "nearest")
    weights, outside = {}, np.zeros(sizes, bool)
    for axis, (before, after) in enumerate(zip(shape, sizes)):
        if before != after or coordinates == "tf_crop_and_resize":
            places = _places(coordinates, before, int(after), scales[axis], roi[:, axis])
            if mode == "nearest":
                # As runtimes divide by scales of float32: 1 / 0.2 is 5, though 0.2 is a little larger there.
                places = places.astype(scales.dtype).astype(float)
            weights[axis] = _weights(mode, node, places, before, rounding)
            if coordinates == "tf_crop_and_resize":
                beyond = (places < 0) | (places > before - 1)
                outside |= beyond.reshape([-1 if index == axis else 1 for index in range(len(shape))])
    own = set(weights) <= {2, 3} and len(shape) == 4
    resized = _tflite_own(x, mode, weights) if own else _along_axes(x, mode, weights)
    if np.any(outside):
        return tf.where(outside, tf.constant(node.attrs.get("extrapolation_value", 0.0), x.dtype), resized)
    return resized


def _places(coordinates, before, after, scale, roi):  # noqa: PLR0911 - one for each of ONNX's rules
    """Where on an axis of ``before`` elements each of the ``after`` elements is taken from."""
    wanted = np.arange(after)
    if coordinates == "align_corners":
        return wanted * (before - 1) / (after - 1) if after > 1 else np.zeros(1)
    if coordinates == "asymmetric":
        return wanted / scale
    if coordinates == "pytorch_half_pixel" and after == 1:
        return np.zeros(1)
    if coordinates in ("half_pixel", "pytorch_half_pixel"):
        return (wanted + 0.5) / scale - 0.5
    if coordinates == "tf_half_pixel_for_nn":
        return (wanted + 0.5) / scale
    if coordinates == "tf_crop_and_resize":
        start, end = roi
        if after == 1:
            return np.array([0.5 * (start + end) * (before - 1)])
        return start * (before - 1) + wanted * (end - start) * (before - 1) / (after - 1)
    raise UnsupportedError(
        "coordinate_transformation_mode {!r} is not known".format(coordinates), "use half_pixel or align_corners"
    )


def _weights(mode, node, places, size, rounding):
    """The matrix [places, size] of what each element adds to each place."""
    if mode == "nearest":
        # A hair's breadth off a half is the rounding of the division.
        return _one_hot(ROUNDINGS[rounding](np.round(places, 9)), size)
    base = np.floor(places)
    if mode == "linear":
        steps, factors = (0, 1), _linear(places - base)
    elif mode == "cubic":
        steps, factors = (-1, 0, 1, 2), _cubic(places - base, node.attrs.get("cubic_coeff_a", -0.75))
    else:
        raise UnsupportedError("its mode {!r} is not known".format(mode), "use nearest, linear or cubic")
    if node.attrs.get("exclude_outside", 0):
        inside = [(base + step >= 0) & (base + step < size) for step in steps]
        factors = np.array(factors) * inside
        factors = factors / factors.sum(axis=0)
    return sum(_one_hot(base + step, size) * factor[:, np.newaxis] for step, factor in zip(steps, factors))


def _one_hot(indices, size):
    return np.eye(size)[np.clip(indices, 0, size - 1).astype(int)]


def _linear(fraction):
    return [1 - fraction, fraction]


def _cubic(fraction, a):
    def near(t):
        return (a + 2) * t**3 - (a + 3) * t**2 + 1

    def far(t):
        return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a

    return [far(1 + fraction), near(fraction), near(1 - fraction), far(2 - fraction)]


def _tflite_own(x, mode, weights):
    """One of TFLite's own operators, if it comes to the same; else `_along_axes`."""
    before = x.shape.as_list()[2:]
    after = [len(weights[axis]) if axis in weights else size for axis, size in zip((2, 3), before)]
    wanted = [weights.get(axis, np.eye(size)) for axis, size in zip((2, 3), before)]
    own = {
        "nearest": (tf.raw_ops.ResizeNearestNeighbor, _own_nearest),
        "linear": (tf.raw_ops.ResizeBilinear, _own_linear),
    }
    if mode in own:
        function, model = own[mode]
        for settings in SETTINGS:
            made = [model(one, other, **settings) for one, other in zip(before, after)]
            if all(np.allclose(one, other, atol=1e-6) for one, other in zip(made, wanted)):
                return channels.last(x, lambda image, told=settings: function(images=image, size=after, **told))
    return _along_axes(x, mode, weights)


def _own_scale(before, after, align_corners):
    corners = align_corners and after > 1
    return np.float32(before - corners) / np.float32(after - corners)


def _own_nearest(before, after, align_corners, half_pixel_centers):
    """The weights of RESIZE_NEAREST_NEIGHBOR, in the arithmetic of its kernel."""
    places = (np.arange(after, dtype=np.float32) + np.float32(0.5 * half_pixel_centers)) * _own_scale(
        before, after, align_corners
    )
    return _one_hot(np.floor(places + np.float32(0.5)) if align_corners else np.floor(places), before)


def _own_linear(before, after, align_corners, half_pixel_centers):
    shift = 0.5 if half_pixel_centers else 0
    places = np.maximum((np.arange(after) + shift) * _own_scale(before, after, align_corners) - shift, 0)
    base = np.floor(places)
    first, second = _linear(places - base)
    return _one_hot(base, before) * first[:, np.newaxis] + _one_hot(base + 1, before) * second[:, np.newaxis]


def _along_axes(x, mode, weights):
    for axis, matrix in weights.items():
        if mode == "nearest":
            x = tf.gather(x, matrix.argmax(axis=1).astype(np.int32), axis=axis)
        else:
            x = _product(x, matrix.astype(np.float32), axis)
    return tf.identity(x)


def _product(x, matrix, axis):
    order = [index for index in range(x.shape.rank) if index != axis] + [axis]
    rows = tf.transpose(x, order)
    shape = [*rows.shape.as_list()[:-1], len(matrix)]
    product = tf.matmul(tf.reshape(rows, [-1, x.shape[axis]]), matrix, transpose_b=True)
    return tf.transpose(tf.reshape(product, shape), np.argsort(order))
