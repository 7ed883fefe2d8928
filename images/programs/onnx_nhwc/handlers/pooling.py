"""MaxPool, AveragePool, LpPool and their global forms; MaxUnpool."""

import functools

import numpy as np
import tensorflow as tf

from . import volume, window
from .broadcasting import LARGEST_RANK, in_a_row
from .handler import UnsupportedError, handles

NEVER_NEGATIVE = ("Relu", "Relu6", "Sigmoid", "Softmax")


@handles("MaxPool")
def max_pool(node, values):
    x = values[node.inputs[0]]
    if x.dtype == tf.uint8:
        # TFLite pools numbers of 8 bits only if they are quantized.
        return [tf.cast(_pool(node, tf.cast(x, tf.float32), values, _max_pool, tf.maximum), tf.uint8)]
    found = _pool(node, x, values, _max_pool, tf.maximum)
    if len(node.outputs) > 1 and node.outputs[1]:
        return [found, _places_of_maxima(node, x)]
    return [found]


@handles("AveragePool")
def average_pool(node, values):
    counts_padding = node.attrs.get("count_include_pad", 0) == 1
    pool = functools.partial(_average_pool, counts_padding=counts_padding)
    return [_pool(node, values[node.inputs[0]], values, pool, tf.add)]


@handles("LpPool")
def lp_pool(node, values):
    power = node.attrs.get("p", 2)
    powers = _power(tf.abs(values[node.inputs[0]]), power)
    pool = functools.partial(_average_pool, counts_padding=True)
    sums = _pool(node, powers, values, pool, tf.add) * float(np.prod(node.attrs["kernel_shape"]))
    return [_power(sums, 1 / power)]


def _power(x, exponent):
    return in_a_row(lambda x: tf.pow(x, float(exponent)), x, LARGEST_RANK)


@handles("GlobalMaxPool")
def global_max_pool(node, values):
    x = values[node.inputs[0]]
    return [tf.reduce_max(x, list(range(2, x.shape.rank)), keepdims=True)]


@handles("GlobalAveragePool")
def global_average_pool(node, values):
    x = values[node.inputs[0]]
    return [tf.reduce_mean(x, list(range(2, x.shape.rank)), keepdims=True)]


@handles("GlobalLpPool")
def global_lp_pool(node, values):
    x, power = values[node.inputs[0]], node.attrs.get("p", 2)
    sums = tf.reduce_sum(_power(tf.abs(x), power), list(range(2, x.shape.rank)), keepdims=True)
    return [_power(sums, 1 / power)]


@handles("MaxUnpool")
def max_unpool(node, values):
    x = values[node.inputs[0]]
    rank = x.shape.rank - 2
    strides, pads = node.attrs.get("strides", [1] * rank), node.attrs.get("pads", [0] * 2 * rank)
    spatial = [
        (size - 1) * stride + width - pads[index] - pads[index + rank]
        for index, (size, stride, width) in enumerate(zip(x.shape[2:], strides, node.attrs["kernel_shape"]))
    ]
    shape = x.shape.as_list()[:2] + spatial
    places = tf.reshape(tf.cast(values[node.inputs[1]], tf.int32), [-1, 1])
    found = tf.reshape(tf.scatter_nd(places, tf.reshape(x, [-1]), [int(np.prod(shape))]), shape)
    wanted = values.fixed(node, 2, "output_shape")
    return [found if wanted is None else tf.pad(found, [(0, int(want) - size) for want, size in zip(wanted, shape)])]


def _pool(node, x, values, pool, over_frames):
    """``pool`` is of an NCHW image; what it finds in frames is put together by ``over_frames``."""
    if x.shape.rank == 3:
        window.image_node(node)
        return window.as_sequence(_pool(node, window.as_image(x), values, pool, over_frames))
    if not 4 <= x.shape.rank <= 5:
        raise UnsupportedError(
            "its input has {} dimensions".format(x.shape.rank), "pool over one, two or three spatial dimensions"
        )
    spatial = window.axes(node, x.shape[2:].as_list(), node.attrs["kernel_shape"])
    if x.shape.rank == 4:
        return pool(x, spatial)
    frames = _pool_of_frames(volume.to_frames(x, values.volumes), x.shape[0], spatial, pool, over_frames)
    return volume.from_frames(frames, x.shape[0])


def _pool_of_frames(frames, batch, spatial, pool, over_frames):
    depth, *plane = spatial
    is_average = over_frames is tf.add
    seen = volume.slices(frames, batch, depth, 0 if is_average else frames.dtype.min)
    pooled = functools.reduce(over_frames, seen)
    pooled = tf.transpose(pool(tf.transpose(pooled, [0, 3, 1, 2]), plane), [0, 2, 3, 1])
    if not is_average:
        return pooled
    counted = np.tile(_counted(depth, pool.keywords["counts_padding"]), batch)
    return pooled * (1 / counted).astype(np.float32).reshape(-1, 1, 1, 1)


def _max_pool(x, spatial):
    if any(axis.dilation > 1 for axis in spatial):
        return _dilated_max_pool(x, spatial)
    # A zero loses against every element that is not negative, and is the one pad that quantizes well.
    x, padding = window.padding(x, spatial, 0 if _is_never_negative(x) else x.dtype.min)
    return tf.nn.max_pool2d(x, _kernel(spatial), _strides(spatial), padding, data_format="NCHW")


def _is_never_negative(x):
    if x.op.type == "ConcatV2":
        *joined, _ = x.op.inputs
        return all(_is_never_negative(part) for part in joined)
    return x.op.type in NEVER_NEGATIVE


def _dilated_max_pool(x, spatial):
    """The largest of what slices of the image hold, along one axis and then along the other."""
    x = window.padded(x, spatial, x.dtype.min)
    for index, axis in enumerate(spatial):
        places = [slice(None)] * (2 + index)
        starts = [step * axis.dilation for step in range(axis.kernel)]
        parts = [x[(*places, slice(start, start + axis.span, axis.stride))] for start in starts]
        x = functools.reduce(tf.maximum, parts)
    return x


def _places_of_maxima(node, x):
    """Where in the flattened input the first maximum of each window is, as int64."""
    if x.shape.rank != 4:
        raise UnsupportedError(
            "the indices of its maxima are asked for", "ask for them of images only, or don't (return_indices=False)"
        )
    spatial = window.axes(node, x.shape[2:].as_list(), node.attrs["kernel_shape"])
    padded = window.padded(x, spatial, x.dtype.min)
    rows, columns = spatial
    steps = (1, rows.size) if node.attrs.get("storage_order", 0) else (columns.size, 1)
    found, places = [], []
    for row in range(rows.kernel):
        for column in range(columns.kernel):
            corner = [row * rows.dilation, column * columns.dilation]
            window_of = [slice(at, at + axis.span, axis.stride) for at, axis in zip(corner, spatial)]
            found.append(padded[(slice(None), slice(None), *window_of)])
            places.append(np.add.outer(*((axis.starts + at) * step for axis, at, step in zip(spatial, corner, steps))))
    which = tf.argmax(tf.stack(found, axis=-1), axis=-1, output_type=tf.int32)
    # Each window has its own list of places: they are looked up in one table of all windows.
    table = np.stack(places, axis=-1).astype(np.int32)
    first = np.arange(table[..., 0].size).reshape(table.shape[:2]).astype(np.int32) * table.shape[2]
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], x.shape[1], 1, 1) * rows.size * columns.size
    return tf.cast(tf.gather(table.ravel(), which + first) + planes.astype(np.int32), tf.int64)


def _average_pool(x, spatial, counts_padding):
    if all(axis.is_same for axis in spatial) and not counts_padding:
        # TensorFlow's SAME leaves padding out of the average, too.
        return tf.nn.avg_pool2d(x, _kernel(spatial), _strides(spatial), "SAME", data_format="NCHW")
    x = window.padded(x, spatial)
    averages = tf.nn.avg_pool2d(x, _kernel(spatial), _strides(spatial), "VALID", data_format="NCHW")
    rows, columns = [_counted(axis, counts_padding) for axis in spatial]
    counted = np.outer(rows, columns) / (spatial[0].kernel * spatial[1].kernel)
    if np.all(counted == 1):
        return averages
    return averages * (1 / counted[np.newaxis, np.newaxis]).astype(x.dtype.as_numpy_dtype)


def _counted(axis, counts_padding):
    """How many elements of each window on an axis are part of its average."""
    first, last = (-axis.before, axis.size + axis.after) if counts_padding else (0, axis.size)
    return np.minimum(axis.starts + axis.extent, last) - np.maximum(axis.starts, first)


def _kernel(spatial):
    return [1, 1] + [axis.kernel for axis in spatial]


def _strides(spatial):
    return [1, 1] + [axis.stride for axis in spatial]
