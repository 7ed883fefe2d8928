"""torch.onnx.export, for any structure of outputs."""

import functools

import torch
from torch import nn
from torch.onnx import symbolic_registry

from stagekit import StageError

from . import export_warnings, fixed_shapes, outputs, refusals, torchscript
from .frozen_values import FrozenValues
from .symbolics import identity, registry

# The exporter does it again for every node, a quarter of its time.
symbolic_registry.register_version = functools.lru_cache(maxsize=None)(symbolic_registry.register_version)


class Flat(nn.Module):
    """A model that returns a flat tuple of ``count`` tensors, whatever the one inside returns.

    Tracing takes neither None nor dataclasses. The outputs at the positions ``repeated`` go through an Identity.
    ``frozen`` are lines on what is the same for all inputs once it has been traced; ``code`` is the user's.
    """

    def __init__(self, model, count, repeated, code):
        super().__init__()
        self.model = model
        self.frozen = []
        self._call = torchscript.Interpreter(model) if isinstance(model, torch.jit.ScriptModule) else model.__call__
        self._count = count
        self._repeated = repeated
        self._code = code

    def state_dict(self, *args, **kwargs):
        """The inner model's, so that weights keep their names in the ONNX file."""
        return self.model.state_dict(*args, **kwargs)

    def forward(self, *inputs):
        values = FrozenValues(inputs, self._code)
        with values.watched():
            leaves = outputs.flatten(self._call(*inputs))
        self.frozen = values.words()
        if len(leaves) != self._count:
            message = "the model returns {} outputs when it is traced, {} when it is run".format(
                len(leaves), self._count
            )
            raise StageError("model", message, "return the same whether or not torch.onnx.is_in_onnx_export()")
        return tuple(identity.of(leaf) if at in self._repeated else leaf for at, (_, leaf) in enumerate(leaves))


def export(model, fed, leaves, names, opset, path, code):
    """Write a model as ONNX; a list of what may be wrong in it for other inputs.

    ``fed`` are the input tensors by name, ``leaves`` what `outputs.flatten` found in the model's answer to them, and
    ``names`` the names of those. Raises a StageError of kind ``model`` that names the operators torch can't export.
    """
    tensors = [tensor for _, tensor in leaves]
    repeated = _repeated(tensors, [*fed.values(), *model.state_dict().values()])
    registry.register(opset, model.state_dict())
    flat = Flat(model, len(leaves), repeated, code).eval()
    inputs = tuple(tensor.clone() for tensor in fed.values())
    with fixed_shapes.as_numbers(), export_warnings.caught(code) as caught:
        try:
            torch.onnx.export(
                flat,
                inputs,
                str(path),
                input_names=list(fed),
                output_names=names,
                opset_version=opset,
                do_constant_folding=True,
            )
        except (StageError, MemoryError):
            raise
        except Exception as error:
            raise refusals.refusal(error, flat, inputs, opset, caught.messages, code) from error
    return [*flat.frozen, *caught.doubts]


def _repeated(tensors, others):
    """Positions of outputs that equal an input, a weight or an earlier output.

    In the graph these may be one value, which can have one name only. Equal content is what can be seen from outside:
    the exporter drops copies (clone, dropout, casts to the same type). An Identity too many does no harm.
    """
    return {at for at, tensor in enumerate(tensors) if any(_same(tensor, other) for other in [*others, *tensors[:at]])}


def _same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()
