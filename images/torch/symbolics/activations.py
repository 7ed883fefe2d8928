"""Activations."""

import math

import torch
from torch.nn import functional

from symbolics.decomposition import KeptError, decomposition


@decomposition("hardsigmoid")
def hardsigmoid(x):
    return functional.relu6(x + 3) * (1 / 6)


@decomposition("hardswish")
def hardswish(x):
    # In this order of factors TFLite's converter fuses it.
    return x * functional.relu6(x + 3) * (1 / 6)


@decomposition("silu")
def silu(x):
    return x * torch.sigmoid(x)


@decomposition("log_sigmoid")
def log_sigmoid(x):
    # The logarithm of a sigmoid is that of zero for numbers below -100.
    return -functional.softplus(-x)


@decomposition("softplus", "beta", "threshold")
def softplus(x, beta, threshold):
    if beta == 1:
        raise KeptError
    soft = functional.softplus(x * beta) / beta
    # Beyond that the two are equal in every digit that float32 has.
    return soft if threshold >= 20 else torch.where(x * beta > threshold, x, soft)


@decomposition("threshold", "threshold", "value")
def threshold(x, threshold, value):
    if threshold == value == 0:
        raise KeptError
    return torch.where(x > threshold, x, torch.full_like(x, value))


@decomposition("hardshrink", "lambd")
def hardshrink(x, lambd):
    return torch.where(x.abs() > lambd, x, torch.zeros_like(x))


@decomposition("softshrink", "lambd")
def softshrink(x, lambd):
    return x - x.clamp(-lambd, lambd)


@decomposition("logit", "eps")
def logit(x, eps):
    x = x if eps is None else x.clamp(eps, 1 - eps)
    return torch.log(x / (1 - x))


@decomposition("erfc")
def erfc(x):
    return 1 - torch.erf(x)


@decomposition("expm1")
def expm1(x):
    return torch.exp(x) - 1


@decomposition("log10")
def log10(x):
    return torch.log(x) * (1 / math.log(10))


@decomposition("sinh")
def sinh(x):
    return (torch.exp(x) - torch.exp(-x)) * 0.5


@decomposition("cosh")
def cosh(x):
    return (torch.exp(x) + torch.exp(-x)) * 0.5
