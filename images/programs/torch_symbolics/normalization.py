"""Normalization by the statistics that PyTorch takes."""

import torch
from torch.nn import functional

from .decomposition import KeptError, decomposition


@decomposition("instance_norm", "use_input_stats", "momentum", "eps", "cudnn")
def instance_norm(x, weight, bias, mean, variance, use_input_stats, momentum, eps, cudnn):  # noqa: ARG001 - ATen's
    if use_input_stats or mean is None:
        raise KeptError
    return functional.batch_norm(x, mean, variance, weight, bias, eps=eps)


@decomposition("batch_norm", "training", "momentum", "eps", "cudnn")
def batch_norm(x, weight, bias, mean, variance, training, momentum, eps, cudnn):  # noqa: ARG001 - ATen's
    if mean is not None:
        raise KeptError
    axes = [axis for axis in range(x.dim()) if axis != 1]
    centred = x - x.mean(axes, keepdim=True)
    normal = centred / torch.sqrt((centred * centred).mean(axes, keepdim=True) + eps)
    shape = [-1, *[1] * (x.dim() - 2)]
    normal = normal if weight is None else normal * weight.reshape(shape)
    return normal if bias is None else normal + bias.reshape(shape)
