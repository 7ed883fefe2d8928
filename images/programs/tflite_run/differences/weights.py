"""How far two constants of two files are from each other."""

import itertools
from typing import NamedTuple, Optional, Tuple

import numpy as np

from .. import int4

EQUAL, PERMUTED, REORDERED, WITHIN_A_STEP, DIFFERENT = "equal", "permuted", "reordered", "within a step", "different"

_DTYPES = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "complex64": np.float32,
    "complex128": np.float64,
    "bool": np.uint8,
    "int8": np.int8,
    "uint8": np.uint8,
    "int16": np.int16,
    "uint16": np.uint16,
    "int32": np.int32,
    "uint32": np.uint32,
    "int64": np.int64,
    "uint64": np.uint64,
}
_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
# So few values are shown, and in another order they are others: the axes of a transposition, a shape.
SHORT = 8
# Values that float64 is computed for at once.
_CHUNK = 2**16
# Of more axes there are too many orders to try. Of these, few fit in as many places and are another order after all.
_MOST_AXES, _SAMPLED, _MOST_TRIED = 5, 64, 4


class Found(NamedTuple):
    """How two constants are related.

    ``equal``: the same values in the same order. ``permuted``: with their axes in another order, ``axes`` of the first
    without those of size 1. ``reordered``: the same values in an order of no axes. ``within a step``: none is further
    than a step of the quantization, or of rounding to the coarser float. Else ``different``.

    Of ``values``, ``differing`` are others. ``largest`` is the largest difference of the numbers that they stand for,
    ``magnitude`` the largest of those; both are None where there is none, or one that is not finite.
    """

    relation: str
    values: int
    differing: int = 0
    largest: Optional[float] = None
    magnitude: Optional[float] = None
    axes: Tuple[int, ...] = ()


def compare(one, other):
    """What is Found of two Tensors that are constants."""
    ours, theirs = values(one), values(other)
    if same(one, other):
        return Found(EQUAL, ours.size)
    alike = _alike(one, other) and ours.size == theirs.size
    found = _another_order(_bits(ours), _bits(theirs)) if alike and ours.size > SHORT else None
    if found:
        return found
    if ours.shape != theirs.shape:
        most = max(ours.size, theirs.size)
        return Found(DIFFERENT, most, most)
    return _measured(one, ours, other, theirs, alike)


def same(one, other):
    """Whether two constants are equal byte by byte, and stand for the same numbers."""
    return one.constant.sha256 == other.constant.sha256 and _alike(one, other)


def _alike(one, other):
    return (one.dtype, one.quantization[:3]) == (other.dtype, other.quantization[:3])


def values(tensor):
    """A constant's numbers in its shape; in a row where they don't fill it; bytes where they are no numbers."""
    data, count = tensor.constant.data, np.prod(tensor.shape, dtype=object)
    if tensor.dtype == "bfloat16" and data.size % 2 == 0:
        found = (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    elif tensor.dtype == "int4":
        found = int4.numbers(data, count)
    else:
        dtype = np.dtype(_DTYPES.get(tensor.dtype, np.uint8))
        found = data.view(dtype) if data.size % dtype.itemsize == 0 else data
    return found.reshape(tensor.shape) if found.size == count and min(tensor.shape, default=0) >= 0 else found


def few(tensor):
    """The values of a constant that has no more than `SHORT`."""
    found = values(tensor)
    return found.reshape(-1).tolist() if found.size <= SHORT else []


def _bits(array):
    return array.view(_BITS[array.dtype.itemsize])


def _another_order(ours, theirs):
    """What is Found where the values are the same in another order, or None."""
    if ours.sum(dtype=np.uint64) != theirs.sum(dtype=np.uint64):
        return None
    places = [axis for axis, size in enumerate(ours.shape) if size != 1]
    if 2 <= len(places) <= _MOST_AXES:
        axes = _permutation(ours.reshape([ours.shape[axis] for axis in places]), theirs.reshape(-1))
        if axes:
            return Found(PERMUTED, ours.size, axes=tuple(places[axis] for axis in axes))
    if np.array_equal(np.sort(ours, axis=None), np.sort(theirs, axis=None)):
        return Found(REORDERED, ours.size, int(np.count_nonzero(ours.reshape(-1) != theirs.reshape(-1))))
    return None


def _permutation(ours, row):
    """The order of axes in which an array has the values of a row, or None."""
    sampled = np.linspace(0, row.size - 1, min(_SAMPLED, row.size)).astype(np.int64)
    orders = itertools.permutations(range(ours.ndim))
    turned = ((axes, ours.transpose(axes)) for axes in itertools.islice(orders, 1, None))
    likely = (each for each in turned if np.array_equal(each[1].flat[sampled], row[sampled]))
    for axes, array in itertools.islice(likely, _MOST_TRIED):
        if np.array_equal(array.reshape(-1), row):
            return axes
    return None


def _measured(one, ours, other, theirs, alike):
    """What is Found of arrays of one shape, by the numbers that their values stand for."""
    same = _bits(ours) == _bits(theirs) if alike else np.zeros((), bool)
    chunks = np.nditer(
        [same, ours, *_scale(one, ours), theirs, *_scale(other, theirs)],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_dtypes=[bool] + [np.float64] * 6,
        casting="unsafe",
        order="C",
        buffersize=_CHUNK,
    )
    differing, largest, magnitude, within = 0, 0.0, 0.0, True
    with np.errstate(invalid="ignore", over="ignore"):
        for equal, ours_here, scale, zero_point, theirs_here, scale_of_theirs, zero_point_of_theirs in chunks:
            first = (ours_here - zero_point) * scale
            second = (theirs_here - zero_point_of_theirs) * scale_of_theirs
            differs = ~equal if alike else first != second
            apart = np.where(differs, np.abs(first - second), 0)
            apart[np.isnan(apart)] = np.inf
            step = np.fmax(_step(one, ours, first, scale), _step(other, theirs, second, scale_of_theirs))
            differing += int(np.count_nonzero(differs))
            largest = max(largest, float(apart.max()))
            magnitude = max(magnitude, float(np.fmax(np.abs(first), np.abs(second)).max()))
            within = within and bool((apart <= step).all())
    relation = (WITHIN_A_STEP if within else DIFFERENT) if differing else EQUAL
    return Found(relation, ours.size, differing, _finite(largest), _finite(magnitude))


def _scale(tensor, array):
    """Scale and zero point of each value of a constant, as arrays that are as good as of its shape."""
    scales, zero_points, axis = tensor.quantization[:3]
    if array.dtype.kind == "f" or not scales:
        return np.ones(()), np.zeros(())
    if len(scales) == 1:
        return np.array(scales[0]), np.array(zero_points[0] if zero_points else 0)
    if not 0 <= axis < array.ndim or len(scales) != array.shape[axis] or len(zero_points) not in (0, len(scales)):
        return np.ones(()), np.zeros(())
    along = [-1 if at == axis else 1 for at in range(array.ndim)]
    return np.reshape(scales, along), np.reshape(zero_points or np.zeros(len(scales)), along)


def _step(tensor, array, numbers, scale):
    """What is between a number and the next one that the tensor can hold; nothing where integers stand for themselves,
    such as axes and sizes.
    """
    if array.dtype.kind == "f":
        return np.spacing(np.abs(numbers).astype(array.dtype)).astype(np.float64)
    return np.abs(scale) if tensor.quantization.scales else np.zeros(())


def _finite(number):
    return number if np.isfinite(number) else None
