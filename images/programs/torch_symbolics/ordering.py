"""Sorting, and searching what is sorted."""

import torch

from .decomposition import KeptError, decomposition, opset, sizes


@decomposition("sort", "dim", "descending")
def sort(x, dim, descending):
    if descending or opset() >= 11:
        raise KeptError
    # Before opset 11 ONNX finds the largest only.
    values, indices = torch.sort(-x, dim, descending=True)
    return -values, indices


@decomposition("topk", "k", "dim", "largest", "in_order")
def topk(x, k, dim, largest, in_order):
    if largest or opset() >= 11:
        raise KeptError
    values, indices = torch.topk(-x, k, dim, largest=True, sorted=bool(in_order))
    return -values, indices


@decomposition("argsort", "dim", "descending")
def argsort(x, dim, descending):
    return torch.sort(x, dim, bool(descending))[1]


@decomposition("kthvalue", "k", "dim", "keepdim")
def kthvalue(x, k, dim, keepdim):
    values, indices = torch.topk(x, k, dim, largest=False, sorted=True)
    values, indices = values.narrow(dim, k - 1, 1), indices.narrow(dim, k - 1, 1)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


@decomposition("median", "dim", "keepdim")
def median(x, dim=None, keepdim=False):
    if dim is None:
        return median(x.reshape(-1), 0)[0]
    return kthvalue(x, (sizes(x)[dim] + 1) // 2, dim, keepdim)


@decomposition("bucketize", "int32", "right")
def bucketize(x, boundaries, int32, right):
    return _found(boundaries, x, int32, right)


@decomposition("searchsorted", "int32", "right")
def searchsorted(boundaries, x, int32, right):
    return _found(boundaries if boundaries.dim() == 1 else boundaries.unsqueeze(-2), x, int32, right)


def _found(boundaries, x, int32, right):
    """How many of the boundaries lie below each number."""
    x = x.unsqueeze(-1)
    below = boundaries <= x if right else boundaries < x
    return below.sum(-1).to(torch.int32) if int32 else below.sum(-1)
