"""Numbers put into a tensor where others are, with what is there added, multiplied or compared.

TensorFlow Lite's own operators overwrite. So each place has a row of all updates, in which those of other places are
neutral, and the row is reduced.
"""

import numpy as np

from .rule import UnsupportedError, rank, rule, sizes

# Numbers of the largest tensor of places and updates.
MOST = 1 << 24
COMBINE = {
    "add": ("ReduceSum", "Add"),
    "mul": ("ReduceProd", "Mul"),
    "max": ("ReduceMax", "Max"),
    "min": ("ReduceMin", "Min"),
}


@rule("ScatterElements", since=(16, 18))
def scatter_elements(node, op):
    reduction = node.attributes.get_string("reduction", "none")
    node.attributes.pop("reduction", None)
    if reduction == "none":
        return None
    x, indices, updates = node.inputs
    axis = node.attributes.get_int("axis", 0) % rank(x)
    shape, count = sizes(x), sizes(indices)
    if [size for at, size in enumerate(shape) if at != axis] != [size for at, size in enumerate(count) if at != axis]:
        raise UnsupportedError("its updates are fewer than its input along another axis than its own, with a reduction")
    before = op.constant([axis], "int64")
    places = op.constant(np.arange(shape[axis]).reshape([-1, *[1] * (rank(x) - axis)]), "int64")
    chosen = op.Equal(op.Unsqueeze(_from_start(op, indices, shape[axis]), before), places)
    return _combined(op, reduction, x, op.Unsqueeze(updates, before), chosen, axis + 1, shape[axis] * np.prod(count))


@rule("ScatterND", since=(16, 18))
def scatter_nd(node, op):
    reduction = node.attributes.get_string("reduction", "none")
    node.attributes.pop("reduction", None)
    if reduction == "none":
        return None
    x, indices, updates = node.inputs
    shape, (*_, depth) = sizes(x), sizes(indices)
    rows, rest = int(np.prod(shape[:depth])), int(np.prod(shape[depth:]))
    strides = [int(np.prod(shape[at + 1 : depth])) for at in range(depth)]
    inside = _from_start(op, indices, np.array(shape[:depth]))
    flat = op.ReduceSum(op.Mul(inside, op.constant(strides, "int64")), op.constant([-1], "int64"), keepdims=0)
    chosen = op.Equal(
        op.Reshape(flat, op.constant([1, -1, 1], "int64")), op.constant(np.arange(rows).reshape(-1, 1, 1), "int64")
    )
    updates = op.Reshape(updates, op.constant([1, -1, rest], "int64"))
    table = op.Reshape(x, op.constant([rows, rest], "int64"))
    count = rows * int(np.prod(sizes(indices)[:-1])) * rest
    combined = _combined(op, reduction, table, updates, chosen, 1, count)
    return op.Reshape(combined, op.constant(shape, "int64"))


def _combined(op, reduction, x, updates, chosen, axis, count):
    if count > MOST:
        raise UnsupportedError("its reduction {!r} takes a table of {:,} numbers".format(reduction, int(count)))
    reduce, combine = COMBINE[reduction]
    row = op.Where(chosen, updates, op.constant(_neutral(reduction, x.dtype), like=x))
    if reduce == "ReduceSum":
        reduced = op.ReduceSum(row, op.constant([axis], "int64"), keepdims=0)
    else:
        reduced = getattr(op, reduce)(row, axes=[axis], keepdims=0)
    return getattr(op, combine)(x, reduced)


def _neutral(reduction, dtype):
    if reduction in ("add", "mul"):
        return {"add": 0, "mul": 1}[reduction]
    least, most = (-np.inf, np.inf) if dtype.is_floating_point() else (dtype.min, dtype.max)
    return least if reduction == "max" else most


def _from_start(op, indices, size):
    """Indices of which those below 0 count from the end."""
    indices = op.cast(indices, "INT64")
    return op.Where(op.Less(indices, op.constant(0, "int64")), op.Add(indices, op.constant(size, "int64")), indices)
