"""torch.onnx.export, for any structure of outputs."""

import contextlib
import functools

from torch import nn

from stagekit import StageError
from stagekit.errors import pass_on

from . import autograd_functions, export_refusals, export_warnings, fixed_shapes, outputs, unused_inputs
from .exporter import aids
from .frozen_values import FrozenValues


class Flat(nn.Module):
    """A model that returns a flat tuple of ``count`` tensors, whatever the one inside returns.

    Tracing takes neither None nor dataclasses. The outputs at the positions ``repeated`` are to be values of their own.
    ``frozen`` are lines on what is the same for all inputs once it has been traced, and `watched`; ``code`` is the
    user's.
    """

    def __init__(self, model, count, repeated, code):
        super().__init__()
        self.model = model
        self.frozen = []
        self._call = aids.called(model)
        self._count = count
        self._repeated = repeated
        self._code = code
        self._watch = None

    def state_dict(self, *args, **kwargs):
        """The inner model's, so that weights keep their names in the ONNX file."""
        return self.model.state_dict(*args, **kwargs)

    @contextlib.contextmanager
    def watched(self, *, keeps_data):
        """While this context is entered, a trace tells what it freezes; ``keeps_data`` is `FrozenValues`' own."""
        self._watch = functools.partial(FrozenValues, code=self._code, keeps_data=keeps_data)
        try:
            yield
        finally:
            self._watch = None

    def forward(self, *inputs):
        if self._watch:
            values = self._watch(inputs)
            with values.watched():
                leaves = outputs.flatten(self._call(*inputs))
            self.frozen = values.words()
        else:
            leaves = outputs.flatten(self._call(*inputs))
        if len(leaves) != self._count:
            message = "the model returns {} outputs when it is traced, {} when it is run".format(
                len(leaves), self._count
            )
            raise StageError("model", message, "return the same whether or not torch.onnx.is_in_onnx_export()")
        return tuple(aids.renamed(leaf) if at in self._repeated else leaf for at, (_, leaf) in enumerate(leaves))


def export(model, fed, leaves, names, opset, path, code):
    """Write a model as ONNX; return which of torch's exporters did, "" where it has one, {name: [names of modules]} by
    the names of nodes and outputs, as far as that is known, and lines on what may be wrong in it for other inputs.

    ``fed`` are the input tensors by name, ``leaves`` what `outputs.flatten` found in the model's answer to them, and
    ``names`` the names of those. Raises a StageError of kind ``model`` that names the operators torch can't export.
    """
    tensors = [tensor for _, tensor in leaves]
    repeated = _repeated(tensors, [*fed.values(), *model.state_dict().values()])
    flat = Flat(model, len(leaves), repeated, code).eval()

    def attempt():
        inputs = tuple(tensor.clone() for tensor in fed.values())
        with export_warnings.caught(code) as caught:
            try:
                exporter, modules = aids.export(
                    flat, inputs, str(path), opset, input_names=list(fed), output_names=names, do_constant_folding=True
                )
            except StageError:
                raise
            except Exception as error:
                pass_on(error)
                with fixed_shapes.as_numbers():
                    raise export_refusals.refusal(error, flat, inputs, opset, caught.messages, code) from error
        return exporter, modules, [*flat.frozen, *caught.doubts]

    with unused_inputs.kept(fed):
        return autograd_functions.exported(attempt)


def _repeated(tensors, others):
    """Positions of outputs that equal an input, a weight or an earlier output.

    In the graph these may be one value, which can have one name only. Equal content is what can be seen from outside:
    the exporter drops copies (clone, dropout, casts to the same type). An Identity too many does no harm.
    """
    return {at for at, tensor in enumerate(tensors) if any(_same(tensor, other) for other in [*others, *tensors[:at]])}


def _same(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()
