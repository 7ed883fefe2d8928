"""BatchNorm after a convolution or linear layer, as part of that layer's weights.

Every runtime gets it folded in the end. Weights that share values, or lie on the grid of their quantization, have to do
so after that.
"""

import torch
from torch import nn

from .dataflow import Recording
from .layers import TRANSPOSED

NORMALIZATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED, nn.Linear)


def fold(model, inputs):
    """Fold, in place, each BatchNorm that is alone in taking a layer's output and is called once, as the layer is."""
    recording = Recording(model, inputs)
    modules = list(model.modules())
    layers = {id(module.weight): module for module in modules if isinstance(module, LAYERS)}
    norms = {id(module.running_mean): module for module in modules if type(module) in NORMALIZATIONS}
    taken = [id(value) for call in recording.calls for value in (*call.args, *call.kwargs.values())]
    for call in recording.calls:
        if call.name != "batch_norm" or id(call.argument(1, "running_mean")) not in norms:
            continue
        producer = call.inputs[0][0]
        layer = None if producer is None else layers.get(id(producer.argument(1, "weight")))
        norm = norms[id(call.argument(1, "running_mean"))]
        if layer is None or producer.consumers != [call]:
            continue
        if taken.count(id(layer.weight)) + taken.count(id(norm.running_mean)) > 2:
            continue
        # The channels of both are the second axis.
        if not isinstance(layer, nn.Linear) or call.inputs[0][1].dim() == 2:
            _fold(layer, norm)
            _replace(model, norm, nn.Identity())


def _fold(layer, norm):
    with torch.no_grad():
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.affine:
            scale = scale * norm.weight
        shift = -norm.running_mean * scale + (norm.bias if norm.affine else 0)
        if isinstance(layer, TRANSPOSED):
            # [inputs, outputs of a group, ...], the inputs being split among the groups.
            by_group = layer.weight.view(layer.groups, -1, *layer.weight.shape[1:])
            factors = scale.view(layer.groups, 1, -1, *[1] * (layer.weight.dim() - 2))
            layer.weight.copy_((by_group * factors).view_as(layer.weight))
        else:
            layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.dim() - 1)))
        bias = shift if layer.bias is None else layer.bias * scale + shift
        layer.bias = nn.Parameter(bias, requires_grad=layer.weight.requires_grad)


def _replace(model, old, new):
    for parent in model.modules():
        for name, child in parent._modules.items():  # noqa: SLF001 - one module may have several names
            if child is old:
                parent._modules[name] = new  # noqa: SLF001
