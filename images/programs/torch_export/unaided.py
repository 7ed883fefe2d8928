"""torch.onnx.export as it is. `torch_symbolics.aided` has the same functions."""

import math

import torch
from torch.jit import _get_trace_graph

from . import fixed_shapes

# Torch itself refuses opsets that it does not have.
NEWEST_OPSET = math.inf
# Models that are trained for int8, in which numbers are rounded as its numbers are.
EXPORTS_FAKE_QUANTIZED = False


def called(model):
    """What is called in the model's place while it is traced."""
    return model.__call__


def renamed(tensor):
    """A traced tensor: torch gives what is two outputs a second name by itself."""
    return tensor


def export(flat, inputs, path, opset, **options):
    """torch.onnx.export for a `torch_export.onnx_export.Flat`, or for the TorchScript in it; "": torch has but one.

    Watching a trace leaves names of values in it. So a trace is watched that is thrown away.
    """
    model = flat.model
    if not isinstance(model, torch.jit.ScriptModule):
        with fixed_shapes.as_numbers(), flat.watched(keeps_data=False):
            _get_trace_graph(flat, tuple(tensor.clone() for tensor in inputs), strict=False)
        model = flat
    torch.onnx.export(model, inputs, path, opset_version=opset, **options)
    return ""
