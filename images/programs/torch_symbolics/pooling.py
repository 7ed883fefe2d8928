"""Pooling with windows that are not all alike, or not divided by their size."""

import torch
from torch.nn import functional

from .decomposition import SYMBOLICS, KeptError, decomposed, decomposition, sizes

AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
MAXIMUM = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


def _symbolics(rank):
    """By the names of the operators of adaptive pooling over ``rank`` axes."""

    def average(x, size):
        if x.dim() == rank + 2 and set(size) == {1}:
            # A global pooling.
            raise KeptError
        return _adaptive(AVERAGE[rank], x, size)

    def maximum(x, size):
        if x.dim() == rank + 2 and not any(have % want for have, want in zip(sizes(x)[2:], size)):
            # An ordinary pooling, which knows the indices too.
            raise KeptError
        return _adaptive(MAXIMUM[rank], x, size)

    def maximum_and_indices(graph, x, size):
        found = exported(graph, x, size)
        # The exporter refuses what is None only if the model uses it.
        return found if isinstance(found, tuple) else (found, None)

    names = ["adaptive_{}_pool{}d".format(kind, rank) for kind in ("avg", "max")]
    exported = decomposed(names[1], maximum, "size")
    return {names[0]: decomposed(names[0], average, "size"), names[1]: maximum_and_indices}


for _rank in AVERAGE:
    SYMBOLICS.update(_symbolics(_rank))


def _adaptive(pool, x, size):
    """Each axis in runs of windows of one size at one distance, which are ordinary poolings of a slice."""
    rank = len(size)
    if x.dim() == rank + 1:
        return _adaptive(pool, x.unsqueeze(0), size).squeeze(0)
    runs = [_runs(have, want) for have, want in zip(sizes(x)[2:], size)]
    regular = [of_axis[0] if len(of_axis) == 1 else (0, 1, 1, 0) for of_axis in runs]
    kernel, stride = [run[1] for run in regular], [run[2] for run in regular]
    if any(number > 1 for number in kernel + stride):
        x = pool(x, kernel, stride)
    for axis, of_axis in enumerate(runs):
        if len(of_axis) > 1:
            x = torch.cat([_pooled(pool, x, rank, axis, *run) for run in of_axis], axis + 2)
    return x


def _pooled(pool, x, rank, axis, start, kernel, stride, length):
    x = x.narrow(axis + 2, start, length)
    if kernel == 1:
        return x
    kernels, strides = [1] * rank, [1] * rank
    kernels[axis], strides[axis] = kernel, stride
    return pool(x, kernels, strides)


def _runs(have, want):
    """[(start, kernel, stride, length of what they cover)] of the windows on an axis."""
    runs = []
    for index in range(want):
        start, end = index * have // want, -(-(index + 1) * have // want)
        if runs and runs[-1][1] == end - start:
            first, kernel, stride, length = runs[-1]
            last = first + length - kernel
            if length == kernel or start - last == stride:
                runs[-1] = (first, kernel, start - last, end - first)
                continue
        runs.append((start, end - start, 1, end - start))
    return runs


@decomposition("avg_pool2d", "kernel", "stride", "padding", "ceil_mode", "count_include_pad", "divisor")
def avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor):  # noqa: ARG001 - the divisor decides
    if divisor is None:
        raise KeptError
    if ceil_mode:
        raise ValueError("its divisor_override goes with no ceil_mode")
    mean = functional.avg_pool2d(x, kernel, stride, padding)
    return mean * (torch.Size(kernel).numel() / divisor)


@decomposition("max_unpool2d", "size")
def max_unpool2d(x, indices, size):
    planes = [torch.Size(sizes(x)[:-2]).numel(), -1]
    found = torch.zeros(planes[0], torch.Size(size).numel())
    return found.scatter(1, indices.reshape(planes), x.reshape(planes)).reshape([*sizes(x)[:-2], *size])
