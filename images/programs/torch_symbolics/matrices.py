"""Matrices: their parts and products."""

import numpy as np
import torch

from . import constants
from .decomposition import constant, decomposition, sizes, symbolic


@decomposition("tril", "offset")
def tril(x, offset):
    return _masked(x, torch.ones(sizes(x)[-2:]).tril(offset).bool())


@decomposition("triu", "offset")
def triu(x, offset):
    return _masked(x, torch.ones(sizes(x)[-2:]).triu(offset).bool())


def _masked(x, mask):
    """A product would make NaN of what is infinite."""
    return x & mask if x.dtype is torch.bool else torch.where(mask, x, torch.zeros((), dtype=x.dtype))


@decomposition("diag", "offset")
def diag(x, offset):
    return torch.diag_embed(x, offset) if x.dim() == 1 else torch.diagonal(x, offset)


@decomposition("diagonal", "offset", "dim1", "dim2")
def diagonal(x, offset, dim1, dim2):
    dim1, dim2 = dim1 % x.dim(), dim2 % x.dim()
    rows, columns = sizes(x)[dim1], sizes(x)[dim2]
    others = [axis for axis in range(x.dim()) if axis not in (dim1, dim2)]
    flat = x.permute([*others, dim1, dim2]).flatten(-2)
    chosen = [row * columns + row + offset for row in range(rows) if 0 <= row + offset < columns]
    return flat.index_select(-1, torch.tensor(chosen, dtype=torch.int64))


@decomposition("diag_embed", "offset", "dim1", "dim2")
def diag_embed(x, offset, dim1, dim2):
    x = torch.nn.functional.pad(x, (max(offset, 0), max(-offset, 0))).unsqueeze(-2)
    on = torch.ones(sizes(x)[-1], sizes(x)[-1]).triu(offset).tril(offset).bool()
    return torch.movedim(torch.where(on, x, torch.zeros((), dtype=x.dtype)), (-2, -1), (dim1, dim2))


@decomposition("fill_diagonal", "value", "wrap")
def fill_diagonal(x, value, wrap):
    mask = np.zeros(sizes(x), bool)
    np.fill_diagonal(mask, True, bool(wrap))
    return torch.where(torch.tensor(mask.tolist()), torch.tensor(value, dtype=x.dtype), x)


@symbolic("inverse")
def inverse(graph, matrix):
    try:
        return constant(graph, torch.inverse(constants.of(matrix)))
    except constants.NotConstantError as error:
        raise RuntimeError("ONNX export of operator inverse: the matrix is computed by the model") from error


@decomposition("trace")
def trace(x):
    return torch.diagonal(x).sum()


@decomposition("mv")
def mv(matrix, vector):
    return torch.matmul(matrix, vector)


@decomposition("dot")
def dot(one, other):
    return torch.matmul(one, other)


@decomposition("ger")
def ger(one, other):
    return one.unsqueeze(1) * other


@decomposition("outer")
def outer(one, other):
    return one.unsqueeze(1) * other


@decomposition("addr", "beta", "alpha")
def addr(x, one, other, beta, alpha):
    return x * beta + one.unsqueeze(1) * other * alpha


@decomposition("addmv", "beta", "alpha")
def addmv(x, matrix, vector, beta, alpha):
    return x * beta + torch.matmul(matrix, vector) * alpha


@decomposition("addbmm", "beta", "alpha")
def addbmm(x, one, other, beta, alpha):
    return x * beta + torch.matmul(one, other).sum(0) * alpha


@decomposition("chain_matmul")
def chain_matmul(matrices):
    product = matrices[0]
    for matrix in matrices[1:]:
        product = torch.matmul(product, matrix)
    return product


@decomposition("tensordot", "one_axes", "other_axes")
def tensordot(one, other, one_axes, other_axes):
    one_labels = list(range(one.dim()))
    other_labels = list(range(one.dim(), one.dim() + other.dim()))
    for one_axis, other_axis in zip(one_axes, other_axes):
        other_labels[other_axis] = one_labels[one_axis]
    kept = [label for label in one_labels + other_labels if (label in one_labels) != (label in other_labels)]
    equation = ",".join("".join(map(_letter, labels)) for labels in (one_labels, other_labels))
    return torch.einsum("{}->{}".format(equation, "".join(map(_letter, kept))), one, other)


@decomposition("bilinear")
def bilinear(one, other, weight, bias):
    product = torch.einsum("...i,kij,...j->...k", one, weight, other)
    return product if bias is None else product + bias


@decomposition("cross", "dim")
def cross(one, other, dim):
    dim = sizes(one).index(3) if dim is None else dim
    x1, y1, z1 = one.unbind(dim)
    x2, y2, z2 = other.unbind(dim)
    return torch.stack([y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2], dim)


@decomposition("cosine_similarity", "dim", "eps")
def cosine_similarity(one, other, dim, eps):
    squares = (one * one).sum(dim) * (other * other).sum(dim)
    return (one * other).sum(dim) / squares.clamp(min=eps * eps).sqrt()


@decomposition("pairwise_distance", "p", "eps", "keepdim")
def pairwise_distance(one, other, p, eps, keepdim):
    return torch.norm(one - other + eps, p, -1, bool(keepdim))


@decomposition("cdist", "p", "mode")
def cdist(one, other, p, mode):  # noqa: ARG001 - how torch computes it
    return torch.norm(one.unsqueeze(-2) - other.unsqueeze(-3), p, -1)


def _letter(number):
    return chr(ord("a") + number)
