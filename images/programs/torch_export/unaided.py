"""torch.onnx.export as it is. `torch_symbolics.aided` has the same functions."""

import inspect
import math

import torch
from torch.jit import _get_trace_graph

from . import fixed_shapes

# Torch itself refuses opsets that it does not have.
NEWEST_OPSET = math.inf
TAKEN = inspect.signature(torch.onnx.export).parameters
# From torch 2.9 on it goes by torch.export unless it is told otherwise.
BY_TRACE = {"dynamo": False} if "dynamo" in TAKEN else {}
# Models that are trained for int8, in which numbers are rounded as its numbers are.
EXPORTS_FAKE_QUANTIZED = False


def called(model):
    """What is called in the model's place while it is traced."""
    return model.__call__


def renamed(tensor):
    """A traced tensor: torch gives what is two outputs a second name by itself."""
    return tensor


def export(flat, inputs, path, opset, **options):
    """torch.onnx.export for a `torch_export.onnx_export.Flat`, or for the TorchScript in it. (exporter, modules): "",
    as torch has but one, and none: which modules nodes are of is not known.

    Watching a trace leaves names of values in it. So a trace is watched that is thrown away.
    """
    model = flat.model
    if not isinstance(model, torch.jit.ScriptModule):
        with fixed_shapes.as_numbers(), flat.watched(keeps_data=False):
            _get_trace_graph(flat, tuple(tensor.clone() for tensor in inputs), strict=False)
        model = flat
    elif "example_outputs" in TAKEN:
        # torch before 1.10 does not run a script to see what it returns.
        options["example_outputs"] = model(*(tensor.clone() for tensor in inputs))
    torch.onnx.export(model, inputs, path, opset_version=opset, **BY_TRACE, **options)
    return "", {}
