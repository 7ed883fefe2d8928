"""Choosing elements, and writing to them."""

import torch
from torch.nn import functional

from . import constants
from .decomposition import KeptError, constant, decomposed, decomposition, sizes, symbolic, torch_symbolic

# What a mask of every index for every element may have.
LARGEST_MASK = 2**24


# torch's own folding of constants takes a scalar index for a list of one: nothing it folds may have such an index.
@symbolic("select")
def select(graph, x, dim, index):
    try:
        return constant(graph, constants.of(x).select(constants.python(dim), constants.python(index)))
    except constants.NotConstantError:
        return torch_symbolic("select")(graph, x, dim, index)


@symbolic("size")
def size(graph, x, dim=None):
    if dim is not None:
        try:
            return constant(graph, torch.tensor(constants.of(x).shape[constants.python(dim)]))
        except constants.NotConstantError:
            pass
    return torch_symbolic("size")(graph, x, *([] if dim is None else [dim]))


@symbolic("index")
def index(graph, x, indices):
    """With constant indices such that no runtime has to know of masks and of counting from the end."""
    shape = constants.described(x)[0]
    items = list(indices.node().inputs())
    if _mask(items) is not None and items[0].type().dim() == len(shape):
        return torch_symbolic("masked_select")(graph, x, items[0])
    chosen = []
    for item in items:
        chosen.extend(_plain(graph, item, shape[len(chosen) :]))
    return torch_symbolic("index")(graph, x, graph.op("prim::ListConstruct", *chosen))


def _plain(graph, value, shape):
    """The values that say the same as one value of the indices, which is for the first of the axes left."""
    try:
        known = constants.of(value)
    except constants.NotConstantError:
        return [value]
    if known is None:
        return [value]
    if known.dtype in (torch.bool, torch.uint8):
        found = known.nonzero(as_tuple=True)
    elif (known < 0).any():
        found = [torch.where(known < 0, known + shape[0], known)]
    else:
        return [value]
    return [constant(graph, tensor) for tensor in found]


@symbolic("index_put")
def index_put(graph, x, indices, values, accumulate=None):
    """A choice where the index is a mask; slices, joined, where the indices are those of slices."""
    mask = _mask(list(indices.node().inputs()))
    if accumulate is not None and constants.python(accumulate):
        return ACCUMULATED(graph, x, indices, values)
    if mask is not None:
        return FILLED(graph, x, mask, values)
    try:
        constants.of(indices)
    except constants.NotConstantError:
        return torch_symbolic("index_put")(graph, x, indices, values, accumulate)
    return WRITTEN(graph, x, indices, values)


def _mask(items):
    """The boolean tensor that is the only index, or None."""
    value = items[0]
    while value.node().kind() == "onnx::Reshape":
        value = next(value.node().inputs())
    return value if len(items) == 1 and value.type().scalarType() == "Bool" else None


def _filled(x, mask, values):
    if torch.Size(sizes(values)).numel() != 1:
        raise ValueError("what is written to a mask's elements has to be one number")
    mask = mask.reshape(sizes(mask) + [1] * (x.dim() - mask.dim()))
    return torch.where(mask, values.to(x.dtype).reshape(()), x)


def _written(x, indices, values):
    lists = [_on_axis(x, axis, found, len(indices)) for axis, found in enumerate(indices)]
    return _replaced(x, values.to(x.dtype), lists, 0)


def _on_axis(x, axis, found, count):
    """The indices on an axis, where each tensor of them varies on an axis of its own, as slices do."""
    size = sizes(x)[axis]
    if found is None:
        return list(range(size))
    tensor = torch.tensor(found, dtype=torch.int64)
    own = tensor.shape[axis - count] if tensor.dim() >= count - axis else 1
    numbers = [number % size for number in tensor.reshape(-1).tolist()]
    if len(numbers) != own or len(set(numbers)) != own:
        raise KeptError
    return numbers


def _replaced(x, values, lists, axis):
    """X with ``values`` at the indices ``lists``, which are given for each axis from ``axis`` on."""
    while axis < len(lists) and lists[axis] == list(range(sizes(x)[axis])):
        axis += 1
    if axis >= len(lists):
        shape = sizes(x)
        return (
            values.reshape(shape)
            if torch.Size(shape).numel() == torch.Size(sizes(values)).numel()
            else values.expand(shape)
        )
    chosen, size = lists[axis], sizes(x)[axis]
    first, end = chosen[0], chosen[-1] + 1
    if chosen == list(range(first, end)):
        part = _replaced(x.narrow(axis, first, end - first), values, lists, axis + 1)
        pieces = [x.narrow(axis, 0, first), part, x.narrow(axis, end, size - end)]
        return torch.cat([piece for piece in pieces if sizes(piece)[axis]], axis)
    part = _replaced(x.index_select(axis, torch.tensor(chosen)), values, lists, axis + 1)
    order = [size + chosen.index(at) if at in chosen else at for at in range(size)]
    return torch.cat([x, part], axis).index_select(axis, torch.tensor(order))


def _accumulated(x, indices, values):
    """By `index_add`, of rows whose number all indices together say. torch's own export adds once to each row."""
    if any(found is None or found.dtype in (torch.bool, torch.uint8) for found in indices):
        raise ValueError("values are added up at indices of the first axes only, not at masks or slices")
    count, row = 0, sizes(x)[len(indices) :]
    for size, found in zip(sizes(x), indices):
        count = count * size + torch.where(found < 0, found + size, found)
    shape, width = sizes(count) + row, torch.Size(row).numel()
    # Torch makes indices of many dimensions flat before.
    values = values if torch.Size(sizes(values)).numel() == torch.Size(shape).numel() else values.expand(shape)
    rows = values.to(x.dtype).reshape(-1, width)
    return x.reshape(-1, width).index_add(0, count.reshape(-1), rows).reshape(sizes(x))


ACCUMULATED = decomposed("index_put", _accumulated)
FILLED = decomposed("index_put", _filled)
WRITTEN = decomposed("index_put", _written, "indices")


@decomposition("scatter_add", "dim")
def scatter_add(x, dim, index, source):
    """ONNX's scattering adds nothing up before opset 16: a sum over a mask of each index does."""
    depth, shape = sizes(x)[dim], sizes(index)
    if torch.Size(shape).numel() * depth > LARGEST_MASK:
        raise ValueError("it is too large to be a sum over masks")
    for axis, count in enumerate(shape):
        source = source if sizes(source)[axis] == count else source.narrow(axis, 0, count)
    # A product with a mask would make NaN of what is infinite, wherever it belongs.
    mask = index.unsqueeze(-1) == torch.arange(depth)
    chosen = torch.where(mask, source.unsqueeze(-1), torch.zeros((), dtype=x.dtype))
    added = torch.movedim(_total(chosen, dim % x.dim()), -1, dim)
    missing = [have - given for have, given in zip(sizes(x), sizes(added))]
    if any(missing):
        added = functional.pad(added, [number for count in reversed(missing) for number in (0, count)])
    return x + added


def _total(x, dim):
    return x.sum(dim).to(x.dtype)


@decomposition("index_add", "dim")
def index_add(x, dim, index, source):
    mask = index.unsqueeze(1) == torch.arange(sizes(x)[dim])
    rows = torch.movedim(source, dim, -1)
    if x.is_floating_point():
        return x + torch.movedim(_summed(rows, mask.to(x.dtype)), -1, dim)
    if torch.Size(sizes(rows)).numel() * sizes(x)[dim] > LARGEST_MASK:
        raise ValueError("it is too large to be a sum over masks")
    chosen = torch.where(mask, rows.unsqueeze(-1), torch.zeros((), dtype=x.dtype))
    return x + torch.movedim(_total(chosen, -2), -1, dim)


def _summed(rows, mask):
    """The product with a mask, in which what is not finite counts for no place but its own."""
    infinity, zeros = float("inf"), torch.zeros_like(rows)
    up, down = rows == infinity, rows == -infinity
    finite = rows.abs() < infinity
    signs = up.to(rows.dtype) - down.to(rows.dtype)
    parts = torch.stack([torch.where(finite, rows, zeros), signs, (~finite).to(rows.dtype)])
    sums, signs, counts = torch.matmul(parts, mask).unbind(0)
    # Infinities of both signs, or a NaN, add up to NaN.
    special = torch.where(signs.abs() == counts, signs * infinity, torch.full_like(signs, float("nan")))
    return torch.where(counts > 0, special, sums)


def _bags(weight, indices, offsets, mode, per_sample, include_last):
    ends = [*offsets[1:], *([] if include_last else [sizes(indices)[0]])]
    lengths = {end - start for start, end in zip(offsets, ends)}
    if len(lengths) != 1:
        raise ValueError("its bags are not all of one size")
    bags = weight.index_select(0, indices).reshape(-1, lengths.pop(), sizes(weight)[1])
    if per_sample is not None:
        bags = bags * per_sample.reshape(*sizes(bags)[:2], 1)
    return (bags.sum(1), bags.mean(1), bags.max(1)[0])[mode]


BAGS = decomposed("embedding_bag", _bags, "offsets", "mode", "include_last")


@symbolic("embedding_bag")
def embedding_bag(graph, weight, indices, offsets, _scaled, mode, _sparse, per_sample, include_last):
    # Of its four outputs the others are for training.
    return BAGS(graph, weight, indices, offsets, mode, per_sample, include_last), None, None, None
