"""Operators that change a tensor's shape, or the order of its elements, but not the elements."""

import numpy as np
import tensorflow as tf

from . import channels
from .handler import handles, kept_name

# TFLite's TRANSPOSE and STRIDED_SLICE take no more.
LARGEST_RANK = 5


@handles("Identity")
def identity(node, values):
    return [tf.identity(values[node.inputs[0]], name=kept_name(node))]


@handles("Reshape")
def reshape(node, values):
    x = values[node.inputs[0]]
    shape = values.parameter(node, 1, "shape")
    if tf.is_tensor(shape):
        return [_reshaped(x, shape)]
    # ONNX's 0 keeps the dimension of the input.
    shape = [x.shape[index] if size == 0 else int(size) for index, size in enumerate(shape)]
    shuffled = _pixel_shuffle(x, shape, values.transposes)
    return [tf.reshape(x, shape) if shuffled is None else shuffled]


def _reshaped(x, shape):
    """Reshape to a shape that is computed."""
    shape = tf.cast(shape, tf.int32)
    kept = tf.shape(x)[: shape.shape[0]]
    # There are only as many sizes to keep as the input has.
    kept = tf.concat([kept, tf.zeros([shape.shape[0] - kept.shape[0]], tf.int32)], axis=0)
    return tf.reshape(x, tf.where(tf.equal(shape, 0), kept, shape))


def _pixel_shuffle(x, shape, transposes):
    """What PyTorch writes for PixelShuffle, a transpose of rank 6 between two reshapes, as `_depth_to_space`."""
    split, order = transposes.get(x.ref(), (None, None))
    if order != [0, 1, 4, 2, 5, 3] or split.op.type != "Reshape":
        return None
    image = split.op.inputs[0]
    batch, depth, rows, columns, height, width = split.shape.as_list()
    is_image = image.shape.as_list() == [batch, depth * rows * columns, height, width]
    if not is_image or rows != columns or shape != [batch, depth, height * rows, width * columns]:
        return None
    return _depth_to_space(image, rows, "CRD")


@handles("Flatten")
def flatten(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", 1)
    shape = x.shape.as_list()
    return [tf.reshape(x, [int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))])]


@handles("Squeeze")
def squeeze(node, values):
    x = values[node.inputs[0]]
    axes = values.fixed(node, 1, "axes")
    return [tf.squeeze(x, None if axes is None else _listed(axes))]


@handles("Unsqueeze")
def unsqueeze(node, values):
    x = values[node.inputs[0]]
    axes = _listed(values.fixed(node, 1, "axes"))
    rank = x.shape.rank + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = tf.expand_dims(x, axis)
    return [x]


def _listed(axes):
    """Axes as integers. PyTorch of today writes a single number for one, which onnxruntime takes."""
    return [int(axis) for axis in np.ravel(axes)]


@handles("Transpose")
def transpose(node, values):
    x = values[node.inputs[0]]
    order = list(node.attrs.get("perm", range(x.shape.rank)[::-1]))
    found = transposed(x, order)
    values.transposes[found.ref()] = (x, order)
    return [found]


def transposed(x, order):
    """The tensor transposed; axes that stay together are one, if there are too many for TFLite."""
    if len(order) <= LARGEST_RANK:
        return tf.transpose(x, order)
    runs = _runs(order, x.shape.as_list())
    if len(runs) > LARGEST_RANK:
        return _transposed_in_steps(x, order)
    by_place = sorted(runs)
    sizes = [int(np.prod([x.shape[axis] for axis in run])) for run in by_place]
    merged = tf.transpose(tf.reshape(x, sizes), [by_place.index(run) for run in runs])
    return tf.reshape(merged, [x.shape[axis] for axis in order])


def _transposed_in_steps(x, order):
    """One axis after another is moved to its place: that is a transpose of four dimensions."""
    axes = list(range(len(order)))
    for target, axis in enumerate(order):
        place = axes.index(axis)
        if place != target:
            axes.insert(target, axes.pop(place))
            step = list(range(len(order)))
            step.insert(target, step.pop(place))
            x = transposed(x, step)
    return x


def _runs(order, sizes):
    """The axes in their new order, those of size 1 left out, in groups that follow one another before and after."""
    runs = []
    kept = [axis for axis, size in enumerate(sizes) if size != 1]
    for axis in (axis for axis in order if sizes[axis] != 1):
        place = kept.index(axis)
        if runs and place > 0 and runs[-1][-1] == kept[place - 1]:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    return runs


def sliced(x, places):
    """The tensor at ``places``, a slice for each of its first axes; one axis at a time, if there are too many."""
    if x.shape.rank <= LARGEST_RANK:
        return x[tuple(places)]
    for axis, place in enumerate(places):
        sizes = x.shape.as_list()
        if range(sizes[axis])[place] != range(sizes[axis]):
            rows = tf.reshape(x, [int(np.prod(sizes[:axis])), sizes[axis], int(np.prod(sizes[axis + 1 :]))])[:, place]
            x = tf.reshape(rows, [*sizes[:axis], rows.shape[1], *sizes[axis + 1 :]])
    return x


@handles("DepthToSpace")
def depth_to_space(node, values):
    return [_depth_to_space(values[node.inputs[0]], node.attrs["blocksize"], node.attrs.get("mode", "DCR"))]


def _depth_to_space(x, block, mode):
    if mode == "CRD":
        # TFLite's order of channels is DCR.
        order = np.arange(x.shape[1]).reshape(-1, block * block).T.ravel()
        if not np.array_equal(order, np.arange(len(order))):
            x = tf.gather(x, order.astype(np.int32), axis=1)
    return channels.last(x, lambda image: tf.nn.depth_to_space(image, block))


@handles("SpaceToDepth")
def space_to_depth(node, values):
    return [channels.last(values[node.inputs[0]], lambda image: tf.nn.space_to_depth(image, node.attrs["blocksize"]))]


@handles("Split")
def split(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", 0) % x.shape.rank
    sizes = values.fixed(node, 1, "split")
    if sizes is None or len(set(sizes)) == 1:
        return tf.split(x, len(node.outputs), axis)
    # TFLite's SPLIT_V copies as slices do, which need not all be made.
    ends = np.cumsum(sizes).tolist()
    places = [slice(None)] * axis
    return [sliced(x, [*places, slice(end - int(size), end)]) for end, size in zip(ends, sizes)]


@handles("Concat")
def concat(node, values):
    return [tf.concat(values.inputs(node), node.attrs["axis"])]


@handles("Expand")
def expand(node, values):
    x = values[node.inputs[0]]
    return [expanded(x, [int(size) for size in values.fixed(node, 1, "shape")])]


def expanded(x, shape):
    """The tensor in the shape that it has beside another of this shape."""
    wanted = np.broadcast(np.empty(x.shape.as_list(), bool), np.empty(shape, bool)).shape
    missing = len(wanted) - x.shape.rank
    x = tf.reshape(x, [1] * missing + x.shape.as_list()) if missing else x
    return _tiled(x, [want // size for want, size in zip(wanted, x.shape.as_list())])


@handles("Tile")
def tile(node, values):
    x = values[node.inputs[0]]
    return [_tiled(x, [int(count) for count in values.fixed(node, 1, "repeats")])]


def _tiled(x, counts):
    return tf.tile(x, counts) if np.any(np.array(counts) != 1) else tf.identity(x)
