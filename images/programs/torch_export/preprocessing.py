"""Preprocessing as a part of the model, whose file then takes the pixels of a camera."""

import torch
from torch import nn

from stagekit import StageError

from .exporter import aids

LARGEST = 255


class OfPixels(nn.Module):
    """A model that takes pixels for some of its inputs. It has the state_dict of the model inside.

    ``names`` are those of all inputs, in order; ``steps`` as `prepared` takes them.
    """

    def __init__(self, model, names, steps):
        super().__init__()
        self.model = model
        self._names, self._steps = names, steps

    def state_dict(self, *args, **kwargs):
        return self.model.state_dict(*args, **kwargs)

    def forward(self, *tensors):
        # A TorchScript inside has to be traced in its own way.
        call = aids.called(self.model) if torch._C._get_tracing_state() else self.model  # noqa: SLF001 - not public
        return call(*prepared(dict(zip(self._names, tensors)), self._steps).values())


def prepared(tensors, steps):
    """What a model takes of pixels, by name: float32, NCHW, less the mean, over the standard deviation.

    ``steps`` are [{name, dtype, layout, mean, std}]. Pixels of uint8 stand for values of [0, 1]. Tensors without a step
    stay as they are.
    """
    by_name = {step["name"]: step for step in steps}
    return {name: _prepared(tensor, by_name[name]) if name in by_name else tensor for name, tensor in tensors.items()}


def _prepared(pixels, step):
    largest = LARGEST if step["dtype"] == "uint8" else 1
    mean, std = (torch.tensor(step[key] or [none], dtype=torch.float64) for key, none in (("mean", 0), ("std", 1)))
    scale, shift = (1 / (largest * std)).float(), (-mean / std).float()
    if step["layout"] == "nchw":
        scale, shift = (each.reshape(-1, *[1] * (pixels.dim() - 2)) for each in (scale, shift))
    found = pixels.float()
    # A step that changes nothing is no operator of the file.
    if (scale != 1).any():
        found = found * scale
    if (shift != 0).any():
        found = found + shift
    if step["layout"] == "nhwc":
        found = found.permute(0, pixels.dim() - 1, *range(1, pixels.dim() - 1))
    return found


def described(inputs, steps):
    """The inputs of a model, [{name, shape, dtype}], as its file has them. Raises a StageError of kind ``usage`` for a
    step that fits none.
    """
    found = {spec["name"]: spec for spec in inputs}
    for step in steps:
        spec = found.get(step["name"])
        if spec is None:
            _refuse(step, "there is no such input", "the inputs are {}".format(", ".join(found)))
        if spec["dtype"] != "float32" or not 3 <= len(spec["shape"]) <= 5:
            what = "the input is {} of {}, no image".format(spec["shape"], spec["dtype"])
            _refuse(step, what, "give it as the model takes it, e.g. --input {}=1x3x224x224".format(step["name"]))
        batch, channels, *sizes = spec["shape"]
        for key in ("mean", "std"):
            if len(step[key]) not in (0, 1, channels):
                what = "{} has {} numbers, the image {} channels".format(key, len(step[key]), channels)
                _refuse(step, what, "give one number, or one for each channel")
        shape = [batch, *sizes, channels] if step["layout"] == "nhwc" else spec["shape"]
        found[step["name"]] = dict(spec, shape=shape, dtype=step["dtype"])
    return list(found.values())


def _refuse(step, what, hint):
    raise StageError("usage", "--preprocess {}: {}".format(step["name"], what), hint)
