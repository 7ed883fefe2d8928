"""Pooling with windows that are not all alike, not divided by their size, or dropped at the end."""

import torch
from torch.nn import functional

from .decomposition import SYMBOLICS, KeptError, decomposed, decomposition, sizes

AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
MAXIMUM = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
# Of an axis that is not pooled.
NEUTRAL = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}


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


@decomposition("avg_pool1d", "kernel", "stride", "padding", "ceil_mode", "count_include_pad")
def avg_pool1d(x, kernel, stride, padding, ceil_mode, count_include_pad):
    windows = _windows(x, kernel, stride, padding, ceil_mode)
    return _in_turn(functional.avg_pool1d, x, windows, count_include_pad=bool(count_include_pad))


@decomposition("avg_pool2d", "kernel", "stride", "padding", "ceil_mode", "count_include_pad", "divisor")
def avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor):
    if divisor is None:
        windows = _windows(x, kernel, stride, padding, ceil_mode)
        return _in_turn(functional.avg_pool2d, x, windows, count_include_pad=bool(count_include_pad))
    if ceil_mode:
        raise ValueError("its divisor_override goes with no ceil_mode")
    # The divisor decides, whether or not padding is counted.
    mean = functional.avg_pool2d(x, kernel, stride, padding)
    return mean * (torch.Size(kernel).numel() / divisor)


@decomposition("max_pool1d", "kernel", "stride", "padding", "dilation", "ceil_mode")
def max_pool1d(x, kernel, stride, padding, dilation, ceil_mode):
    return _in_turn(functional.max_pool1d, x, _windows(x, kernel, stride, padding, ceil_mode, dilation))


@decomposition("max_pool2d", "kernel", "stride", "padding", "dilation", "ceil_mode")
def max_pool2d(x, kernel, stride, padding, dilation, ceil_mode):
    return _in_turn(functional.max_pool2d, x, _windows(x, kernel, stride, padding, ceil_mode, dilation))


def _windows(x, kernel, stride, padding, ceil_mode, dilation=None):
    """[(settings, whether PyTorch drops the last window, whose start is in the padding)] of the axes of a pooling."""
    if not ceil_mode:
        raise KeptError
    found = []
    axes = zip(sizes(x)[-len(kernel) :], kernel, stride or kernel, padding, dilation or [1] * len(kernel))
    for size, width, step, before, apart in axes:
        last = -(-(size + 2 * before - apart * (width - 1) - 1) // step) * step
        settings = {"kernel_size": width, "stride": step, "padding": before}
        if dilation:
            settings["dilation"] = apart
        found.append((settings, before > 0 and last >= size + before))
    if not any(dropped for _, dropped in found):
        raise KeptError
    return found


def _in_turn(pool, x, windows, **settings):
    """Over the axes without their last window, then over the others: ONNX's ceil_mode drops no window."""
    for ceil_mode in (False, True):
        chosen = [of_axis if dropped != ceil_mode else NEUTRAL for of_axis, dropped in windows]
        if any(of_axis is not NEUTRAL for of_axis in chosen):
            names = windows[0][0]
            axes = {name: [of_axis[name] for of_axis in chosen] for name in names}
            x = pool(x, ceil_mode=ceil_mode, **axes, **settings)
    return x


@decomposition("max_unpool2d", "size")
def max_unpool2d(x, indices, size):
    planes = [torch.Size(sizes(x)[:-2]).numel(), -1]
    found = torch.zeros(planes[0], torch.Size(size).numel())
    return found.scatter(1, indices.reshape(planes), x.reshape(planes)).reshape([*sizes(x)[:-2], *size])
