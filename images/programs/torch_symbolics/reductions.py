"""Reductions."""

import torch

from . import constants
from .decomposition import KeptError, decomposition, sizes, symbolic, truth

INFINITY = float("inf")


@decomposition("any", "dim", "keepdim")
def any_(x, dim=None, keepdim=False):
    return _sum(truth(x).to(torch.float32), dim, keepdim) > 0


@decomposition("all", "dim", "keepdim")
def all_(x, dim=None, keepdim=False):
    return ~(_sum((~truth(x)).to(torch.float32), dim, keepdim) > 0)


@decomposition("count_nonzero", "dim")
def count_nonzero(x, dim):
    return _sum(truth(x), dim, keepdim=False)


@symbolic("amax")
def amax(graph, x, dim, keepdim):
    return graph.op("ReduceMax", x, axes_i=constants.python(dim) or None, keepdims_i=constants.python(keepdim))


@symbolic("amin")
def amin(graph, x, dim, keepdim):
    return graph.op("ReduceMin", x, axes_i=constants.python(dim) or None, keepdims_i=constants.python(keepdim))


# torch's own export takes the square of the mean from the mean of squares: of a small variance nothing may be left.
@decomposition("var", "dim", "unbiased", "keepdim")
def var(x, dim, unbiased=None, keepdim=False):
    return _variance_and_mean(x, dim, unbiased, keepdim)[0]


@decomposition("std", "dim", "unbiased", "keepdim")
def std(x, dim, unbiased=None, keepdim=False):
    return _variance_and_mean(x, dim, unbiased, keepdim)[0].sqrt()


@decomposition("var_mean", "dim", "unbiased", "keepdim")
def var_mean(x, dim, unbiased=None, keepdim=False):
    return _variance_and_mean(x, dim, unbiased, keepdim)


@decomposition("std_mean", "dim", "unbiased", "keepdim")
def std_mean(x, dim, unbiased=None, keepdim=False):
    variance, mean = _variance_and_mean(x, dim, unbiased, keepdim)
    return variance.sqrt(), mean


def _variance_and_mean(x, dim, unbiased, keepdim):
    """Of one overload the first argument is ``unbiased``, and every axis is meant."""
    if unbiased is None:
        dim, unbiased = [], dim
    axes, keepdim = _axes(x, dim), bool(keepdim)
    centred = x - x.mean(axes, keepdim=True)
    variance = (centred * centred).mean(axes, keepdim=keepdim)
    count = torch.Size([sizes(x)[axis] for axis in axes]).numel()
    if unbiased:
        variance = variance * (count / (count - 1) if count > 1 else float("nan"))
    return variance, x.mean(axes, keepdim=keepdim)


@decomposition("norm", "p", "dim", "keepdim")
def norm(x, p=2, dim=(), keepdim=False):
    return _norm(x, 2 if p is None else p, dim, keepdim)


@decomposition("frobenius_norm", "dim", "keepdim")
def frobenius_norm(x, dim=(), keepdim=False):
    return _norm(x, 2, dim, keepdim)


@decomposition("linalg_norm", "order", "dim", "keepdim", "dtype")
def linalg_norm(x, order, dim, keepdim, dtype):
    if isinstance(order, str) or dtype is not None or (order is not None and len(_axes(x, dim)) > 1):
        raise ValueError("only norms of vectors are exported")
    return _norm(x, 2 if order is None else order, dim, keepdim)


@decomposition("dist", "p")
def dist(x, other, p):
    return _norm(x - other, p, (), keepdim=False)


def _norm(x, p, dim, keepdim):
    if p == 0:
        return _sum((x != 0).to(x.dtype), dim, keepdim)
    if p == INFINITY:
        return x.abs().amax(_axes(x, dim), bool(keepdim))
    if p == -INFINITY:
        return x.abs().amin(_axes(x, dim), bool(keepdim))
    if p == 1:
        return _sum(x.abs(), dim, keepdim)
    if p == 2:
        return _sum(x * x, dim, keepdim).sqrt()
    return _sum(x.abs() ** p, dim, keepdim) ** (1 / p)


@decomposition("cumsum", "dim", "dtype")
def cumsum(x, dim, dtype):
    if dtype is not None or x.is_floating_point() or x.dtype is torch.int64:
        raise KeptError
    return torch.cumsum(x.to(torch.int64), dim)


@decomposition("cumprod", "dim", "dtype")
def cumprod(x, dim, dtype):
    """By products over twice as many elements in each step."""
    x = x if dtype is None else x.to(dtype)
    size, covered = sizes(x)[dim], 1
    while covered < size:
        ones = torch.ones_like(x.narrow(dim, 0, covered))
        x = x * torch.cat([ones, x.narrow(dim, 0, size - covered)], dim)
        covered *= 2
    return x


def _axes(x, dim):
    """The axes that ``dim`` names: a number, a list, or every axis for None and an empty list."""
    dim = [dim] if isinstance(dim, int) else dim
    return sorted(axis % x.dim() for axis in dim) if dim else list(range(x.dim()))


def _sum(x, dim, keepdim):
    return x.sum(_axes(x, dim), keepdim=bool(keepdim))
