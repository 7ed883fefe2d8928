"""Pruning by magnitude, with torch.nn.utils.prune."""

from torch import nn
from torch.nn.utils import prune

from stagekit import StageError

from .dataflow import Recording


def apply(weights, amount):
    """Set the smallest ``amount`` (a share) of all weights together to zero, behind masks."""
    parameters = [(weight.module, weight.name) for weight in weights]
    prune.global_unstructured(parameters, prune.L1Unstructured, amount=amount)


def apply_structured(weights, amount, model, inputs):
    """Set the ``amount`` (a share) of each layer's output channels with the smallest L2 norm to zero, behind masks.

    Layers whose output the model returns keep theirs: its channels have a meaning.
    """
    kept = _last(Recording(model, inputs))
    found = False
    for weight in weights:
        axis = _output_axis(weight)
        if axis is not None and id(getattr(weight.module, weight.name)) not in kept and weight.tensor.shape[axis] > 1:
            prune.ln_structured(weight.module, weight.name, amount, n=2, dim=axis)
            found = True
    if not found:
        message = "no layer of the model has channels to prune: those that make its outputs keep theirs"
        raise StageError("model", message, "prune single weights, without --prune-structured")


def keep_zeros(weights):
    """Keep the weights that are zero behind masks."""
    for weight in weights:
        if (weight.tensor == 0).any():
            prune.custom_from_mask(weight.module, weight.name, weight.tensor != 0)


def remove(weights):
    """Leave the masked weights as plain parameters."""
    for weight in weights:
        if weight.name + "_mask" in weight.module._buffers:  # noqa: SLF001 - where prune keeps its masks
            prune.remove(weight.module, weight.name)


def _output_axis(weight):
    if isinstance(weight.module, (nn.RNNBase, nn.Embedding)):
        return None
    transposed = isinstance(weight.module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
    return (1 if weight.module.groups == 1 else None) if transposed else 0


def _last(recording):
    """The ids of the tensors that are taken by calls between the last weights and the outputs, these included."""
    seen, waiting, found = set(), [call for call in recording.last if call], set()
    while waiting:
        call = waiting.pop()
        if id(call) in seen:
            continue
        seen.add(id(call))
        parameters = {id(tensor) for _, tensor in call.inputs if isinstance(tensor, nn.Parameter) and tensor.dim() > 1}
        found |= parameters
        if not parameters:
            waiting += [producer for producer, _ in call.inputs if producer]
    return found
