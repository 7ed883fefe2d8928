"""Weights for the models of the zoo: the same every time, and such that a wrong conversion shows in the outputs."""

import functools
import math

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

SEED = 0


def seeded(*shapes):
    """Decorate a function that builds a model: it returns the model with seeded weights and statistics.

    ``shapes`` are those of float inputs that the model can take; only one with BatchNorm needs them.
    """

    def decorate(build):
        @functools.wraps(build)
        def built():
            torch.manual_seed(SEED)
            model = build().eval()
            with torch.no_grad():
                _draw(model)
                _settle(model, shapes)
            return model

        return built

    return decorate


def _draw(model):
    """Weights that keep the size of a signal, and none constant: a mix-up of channels would not show."""
    for module in model.modules():
        if isinstance(module, _ConvNd):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        for parameter in module.parameters(recurse=False):
            if parameter.min() == parameter.max():
                parameter.add_(torch.empty_like(parameter).uniform_(-0.2, 0.2))


def _settle(model, shapes):
    """Give each BatchNorm statistics of the size of what reaches it, so that no depth makes a signal explode."""
    norms = [module for module in model.modules() if getattr(module, "running_var", None) is not None]
    hooks = [norm.register_forward_pre_hook(_measure) for norm in norms]
    if hooks:
        model(*[torch.rand(shape) for shape in shapes])
    for hook in hooks:
        hook.remove()


def _measure(norm, inputs):
    # Centred on the means of one input, a deep model would let rounding errors explode: only the size is measured. A
    # power of two, because how a machine adds must not decide the weights.
    size = 2.0 ** round(math.log2(inputs[0].pow(2).mean().item()) / 2)
    norm.running_mean.uniform_(-0.2, 0.2).mul_(size)
    norm.running_var.uniform_(0.5, 1.5).mul_(size**2)
