"""Activations."""

import math

import torch
from torch.nn import functional

from .decomposition import KeptError, decomposition, symbolic


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


@decomposition("rrelu", "lower", "upper", "training", "generator")
def rrelu(x, lower, upper, training, generator):  # noqa: ARG001 - the generator decides nothing at inference
    if training:
        raise ValueError("its slope is drawn at random in training mode")
    return functional.leaky_relu(x, (lower + upper) / 2)


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


@symbolic("sinh")
def sinh(graph, x):
    return graph.op("Sinh", x)


@symbolic("cosh")
def cosh(graph, x):
    return graph.op("Cosh", x)


@symbolic("asinh")
def asinh(graph, x):
    return graph.op("Asinh", x)


@symbolic("acosh")
def acosh(graph, x):
    return graph.op("Acosh", x)


@symbolic("atanh")
def atanh(graph, x):
    return graph.op("Atanh", x)


@decomposition("atan2")
def atan2(y, x):
    high, wide = y.abs(), x.abs()
    largest = torch.maximum(high, wide)
    ones = torch.ones_like(largest)
    ratio = torch.minimum(high, wide) / torch.where(largest > 0, largest, ones)
    # Of two that are infinite, too.
    angle = torch.atan(torch.where((high == wide) & (largest > 0), ones, ratio))
    angle = torch.where(high > wide, math.pi / 2 - angle, angle)
    angle = torch.where(x < 0, math.pi - angle, angle)
    angle = torch.where(y < 0, -angle, angle)
    return torch.where(torch.isnan(x) | torch.isnan(y), x + y, angle)
