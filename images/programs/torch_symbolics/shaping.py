"""Moving, repeating and joining elements."""

import torch

from . import constants
from .decomposition import constant, decomposition, sizes, symbolic


@symbolic("squeeze")
def squeeze(graph, x, dim=None):
    """Without the branch on the size that torch leaves to the runtime."""
    shape = constants.described(x)[0]
    axes = range(len(shape)) if dim is None else [constants.python(dim) % max(len(shape), 1)]
    axes = [axis for axis in axes if axis < len(shape) and shape[axis] == 1]
    return graph.op("Squeeze", x, axes_i=axes) if axes else x


@symbolic("permute")
def permute(graph, x, dims):
    """With every axis counted from the first, as ONNX wants it."""
    axes = constants.python(dims)
    return graph.op("Transpose", x, perm_i=[axis % len(axes) for axis in axes])


@decomposition("roll", "shifts", "dims")
def roll(x, shifts, dims):
    shifts, dims = _list(shifts), _list(dims)
    if not dims:
        return _rolled(x.reshape(-1), shifts[0], 0).reshape(sizes(x))
    for shift, dim in zip(shifts, dims):
        x = _rolled(x, shift, dim)
    return x


def _rolled(x, shift, dim):
    size = sizes(x)[dim]
    at = -shift % size if size else 0
    return torch.cat([x.narrow(dim, at, size - at), x.narrow(dim, 0, at)], dim) if at else x


@decomposition("repeat_interleave", "repeats", "dim")
def repeat_interleave(x, repeats, dim=None):
    if dim is None:
        x, dim = x.reshape(-1), 0
    size = sizes(x)[dim]
    repeats = _list(repeats)
    repeats = repeats * size if len(repeats) == 1 else repeats
    repeated = [index for index, count in enumerate(repeats) for _ in range(count)]
    return x.index_select(dim, torch.tensor(repeated))


@decomposition("unfold", "dim", "size", "step")
def unfold(x, dim, size, step):
    dim = dim % x.dim()
    starts = range(0, sizes(x)[dim] - size + 1, step)
    windows = x.index_select(dim, torch.tensor([start + at for start in starts for at in range(size)]))
    windows = windows.reshape([*sizes(x)[:dim], len(starts), size, *sizes(x)[dim + 1 :]])
    return torch.movedim(windows, dim + 1, -1)


@decomposition("fliplr")
def fliplr(x):
    return x.flip(1)


@decomposition("flipud")
def flipud(x):
    return x.flip(0)


@decomposition("rot90", "turns", "dims")
def rot90(x, turns, dims):
    one, other = dims
    if turns % 4 == 2:
        return x.flip([one, other])
    if turns % 4 == 1:
        return x.flip(other).transpose(one, other)
    return x.transpose(one, other).flip(other) if turns % 4 else x


@decomposition("movedim", "source", "destination")
def movedim(x, source, destination):
    moved = {to % x.dim(): of % x.dim() for of, to in zip(_list(source), _list(destination))}
    others = iter(axis for axis in range(x.dim()) if axis not in moved.values())
    return x.permute([moved[axis] if axis in moved else next(others) for axis in range(x.dim())])


@decomposition("numpy_T")
def numpy_t(x):
    return x.permute(list(reversed(range(x.dim()))))


@symbolic("broadcast_tensors")
def broadcast_tensors(graph, tensors):
    tensors = list(tensors.node().inputs())
    shapes = [constants.described(tensor)[0] for tensor in tensors]
    shape = constant(graph, torch.tensor(torch.broadcast_tensors(*map(torch.zeros, shapes))[0].shape))
    return graph.op("prim::ListConstruct", *[graph.op("Expand", tensor, shape) for tensor in tensors])


@decomposition("hstack")
def hstack(tensors):
    tensors = [tensor.reshape(-1) if tensor.dim() == 0 else tensor for tensor in tensors]
    return torch.cat(tensors, 0 if tensors[0].dim() == 1 else 1)


@decomposition("vstack")
def vstack(tensors):
    return torch.cat([tensor.reshape(1, -1) if tensor.dim() < 2 else tensor for tensor in tensors], 0)


def _list(numbers):
    return [numbers] if isinstance(numbers, int) else list(numbers)
