"""Numbers moved, cut, put together and repeated, all unchanged."""

import numpy as np
import onnx_ir as ir

from .rule import UnsupportedError, array, constant, inputs, rank, rule, sizes

LAST = np.iinfo(np.int64).max


@rule("Identity", since=(14, 16, 19, 21, 23, 24, 25))
def identity(node, _):
    if not isinstance(node.inputs[0].type, ir.TensorType | None):
        raise UnsupportedError("it passes on a sequence or an optional value")


@rule("Reshape", since=(14, 19, 21, 23, 24, 25))
def reshape(node, _):
    x, shape = node.inputs
    if not node.attributes.get_int("allowzero", 0):
        return
    # Only a tensor without numbers can have a size of 0, which then means what it says.
    wanted = array(shape)
    if wanted is None and (x.shape is None or not x.shape.is_static() or 0 in x.shape.numpy()):
        raise UnsupportedError("whether it makes an empty tensor is known only when the model runs")
    if wanted is not None and 0 in wanted:
        raise UnsupportedError("it makes an empty tensor")
    node.attributes.pop("allowzero")


@rule("Shape", since=(15, 19, 21, 23, 24, 25))
def shape(node, op):
    (x,) = node.inputs
    start, end = node.attributes.get_int("start", 0), node.attributes.get_int("end", None)
    if not start and end is None:
        node.attributes.pop("start", None)
        return None
    return _slice(op, op.Shape(x), 0, start, LAST if end is None else end)


@rule("Split", since=18)
def split(node, op):
    x, lengths = inputs(node, 2)
    if lengths is not None:
        return None
    count, axis = len(node.outputs), node.attributes.get_int("axis", 0)
    size = x.shape[axis] if x.shape is not None else None
    if not isinstance(size, int) or size % count == 0:
        node.attributes.pop("num_outputs", None)
        return None
    each = -(-size // count)
    lengths = [min(each, size - index * each) for index in range(count)]
    return op.Split(x, op.constant(lengths, "int64"), axis=axis, outputs=count)


@rule("Trilu", since=14)
def trilu(node, op):
    """Zero where a triangle of truth values is false; its sizes may be open."""
    x, k = inputs(node, 2)
    k = op.constant(0, "int64") if k is None else op.Reshape(k, op.constant([], "int64"))
    rows, columns = (op.Squeeze(op.size(x, axis)) for axis in (rank(x) - 2, rank(x) - 1))
    zero, one = op.constant(0, "int64"), op.constant(1, "int64")
    row = op.Unsqueeze(op.Range(zero, rows, one), op.constant([1], "int64"))
    column = op.Range(zero, columns, one)
    diagonal = op.Add(row, k)
    compare = op.GreaterOrEqual if node.attributes.get_int("upper", 1) else op.LessOrEqual
    if x.dtype == ir.DataType.BOOL:
        return op.And(compare(column, diagonal), x)
    return op.Where(compare(column, diagonal), x, op.constant(0, like=x))


@rule("Where", since=(9, 16))
def where(node, op):
    """Onnxruntime has none of truth values."""
    condition, x, y = node.inputs
    if x.dtype != ir.DataType.BOOL:
        return None
    return op.Or(op.And(condition, x), op.And(op.Not(condition), y))


@rule("Pad", since=(18, 19, 21, 23, 24, 25))
def pad(node, op):
    x, pads, value, axes = inputs(node, 4)
    mode = node.attributes.get_string("mode", "constant")
    if axes is None and mode != "wrap":
        return None
    count = rank(x)
    chosen = range(count) if axes is None else [int(axis) % count for axis in constant(axes, "axes")]
    amounts = array(pads)
    if amounts is None:
        return op.Pad(x, _of_all_axes(op, pads, list(chosen), count), value, mode=_without_wrap(mode))
    before, after = [0] * count, [0] * count
    for axis, low, high in zip(chosen, *amounts.reshape(2, -1)):
        before[axis], after[axis] = int(low), int(high)
    if mode == "wrap":
        return _wrapped(op, x, before, after)
    return op.Pad(x, op.constant([*before, *after], "int64"), value, mode=mode)


def _without_wrap(mode):
    if mode == "wrap":
        raise UnsupportedError("how far it wraps around is computed while the model runs")
    return mode


def _of_all_axes(op, pads, chosen, count):
    """Pads of some axes, computed while the model runs, as pads of all."""
    places = op.constant([[axis] for axis in (*chosen, *(count + axis for axis in chosen))], "int64")
    return op.ScatterND(op.constant([0] * 2 * count, "int64"), places, op.cast(pads, "INT64"))


def _wrapped(op, x, before, after):
    """Each axis gathered by the places that it takes its numbers from."""
    for axis, (low, high) in enumerate(zip(before, after)):
        if low or high:
            (size,) = sizes(x, axis)
            # What a pad below 0 removes is not there to wrap around.
            kept = np.arange(max(0, -low), size - max(0, -high))
            places = np.arange(-max(0, low), len(kept) + max(0, high)) % len(kept)
            x = op.Gather(x, op.constant(kept[places]), axis=axis)
    return op.Identity(x)


@rule("Col2Im", since=18)
def col2im(node, op):
    """Blocks are added up where they overlap: each place of a block is a slice with steps of a padded image."""
    x, image, block = node.inputs
    image, block = ([int(size) for size in constant(value, "image's size")] for value in (image, block))
    axes = len(image)
    strides = list(node.attributes.get_ints("strides", [1] * axes))
    dilations = list(node.attributes.get_ints("dilations", [1] * axes))
    pads = list(node.attributes.get_ints("pads", [0] * 2 * axes))
    batch, rows, _ = sizes(x)
    channels = rows // int(np.prod(block))
    padded = [size + low + high for size, low, high in zip(image, pads, pads[axes:])]
    counts = [
        (size - dilation * (width - 1) - 1) // stride + 1
        for size, dilation, width, stride in zip(padded, dilations, block, strides)
    ]
    matrix = _places_of_blocks(padded, block, strides, dilations, counts)
    flat = op.Reshape(x, op.constant([batch, channels, -1], "int64"))
    summed = _summed_at(op, flat, matrix, int(np.prod(padded)))
    whole = op.Reshape(summed, op.constant([batch, channels, *padded], "int64"))
    ends = [low + size for low, size in zip(pads, image)]
    return op.Slice(
        whole,
        op.constant(pads[:axes], "int64"),
        op.constant(ends, "int64"),
        op.constant(list(range(2, 2 + axes)), "int64"),
    )


def _places_of_blocks(padded, block, strides, dilations, counts):
    """The flat place in a padded image of each number of [*block, *counts]."""
    place = np.zeros([1] * 2 * len(padded), np.int64)
    for axis, (width, stride, dilation, count) in enumerate(zip(block, strides, dilations, counts)):
        along = np.arange(width)[:, None] * dilation + np.arange(count) * stride
        shape = [1] * 2 * len(padded)
        shape[axis], shape[len(padded) + axis] = width, count
        place = place + along.reshape(shape) * int(np.prod(padded[axis + 1 :]))
    return place.reshape(-1)


def _summed_at(op, x, places, count):
    """[..., numbers] summed to [..., count] by place: as many layers of distinct places as the fullest place needs."""
    order = np.argsort(places, kind="stable")
    _, first = np.unique(places[order], return_index=True)
    depth = np.arange(len(places)) - np.repeat(first, np.diff([*first, len(places)]))
    table = np.full([depth.max() + 1, count], len(places), np.int64)
    table[depth, places[order]] = order
    blank = op.Pad(x, op.constant([0, 0, 0, 0, 0, 1], "int64"), op.constant(0, like=x))
    total = None
    for layer in table:
        found = op.Gather(blank, op.constant(layer), axis=2)
        total = found if total is None else op.Add(total, found)
    return total


@rule("Range", since=27)
def range_(node, op):
    values = [constant(value, name) for value, name in zip(node.inputs, ("start", "limit", "delta"))]
    dtype = node.inputs[0].dtype
    if dtype in (ir.DataType.FLOAT16, ir.DataType.BFLOAT16):
        start, limit, delta = (value.astype(np.float32).reshape(()) for value in values)
        count = max(int(np.ceil((limit - start) / delta)), 0)
        return op.constant(start + np.arange(count, dtype=np.float32) * delta, like=node.inputs[0])
    return None


@rule("TensorScatter", since=24)
def tensor_scatter(node, op):
    """A row of the cache is one of the update's, where one of them is written there, else its own."""
    cache, update, starts = inputs(node, 3)
    axis = node.attributes.get_int("axis", -2) % rank(cache)
    length, count = sizes(cache, axis) + sizes(update, axis)
    batch = sizes(cache, 0)[0]
    starts = op.constant(np.zeros(batch), "int64") if starts is None else op.cast(starts, "INT64")
    column = op.Reshape(starts, op.constant([-1, 1], "int64"))
    place = op.Sub(op.constant(np.arange(length), "int64"), column)
    if node.attributes.get_string("mode", "linear") == "circular":
        place = op.Mod(place, op.constant(length, "int64"))
    inside = op.And(op.GreaterOrEqual(place, op.constant(0, "int64")), op.Less(place, op.constant(count, "int64")))
    clipped = op.Where(inside, place, op.constant(0, "int64"))
    shape = [batch, *[1] * (axis - 1), length, *[1] * (rank(cache) - axis - 1)]
    shape = op.constant(shape, "int64")
    whole = op.constant([length if at == axis else size for at, size in enumerate(sizes(cache))], "int64")
    rows = op.GatherElements(update, op.Expand(op.Reshape(clipped, shape), whole), axis=axis)
    return op.Where(op.Reshape(inside, shape), rows, cache)


def _slice(op, x, axis, start, end):
    return op.Slice(x, *(op.constant([number], "int64") for number in (start, end, axis)))
