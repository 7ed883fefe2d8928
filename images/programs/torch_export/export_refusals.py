"""Why torch can't export a model, in the words of its operators."""

import functools
import re
import traceback

import torch
from torch.jit import _get_trace_graph
from torch.onnx import utils

from stagekit import StageError

from . import newer_code
from .exporter import aids
from .user_code import one_line

try:
    from torch.onnx import symbolic_registry
except ImportError:
    # From torch 1.13 on the message itself says which opset has an operator.
    symbolic_registry = None

UNKNOWN = re.compile(r"Exporting the operator (\S+) to ONNX opset version")
NOT_EXPORTED = re.compile(r"Couldn't export operator (\S+)")
UNSUPPORTED = re.compile(r"ONNX export (?:of(?: operator)?|failed on) ([A-Za-z]\w*)")
TRANSLATING = re.compile(r"occurred when translating (\w+)")
NEWER = re.compile(r"(?:try opset version|added in version) (\d+)")
# Nobody mends a bug in a release that is years old: its requests to report one are cut off.
BEGGING = re.compile(r"\s*(Please open a bug|Please feel free|Send a bug report)[^.]*\.?$")

# What torchvision's detectors derive from. While they are traced they compute sizes, and fail at one that is a number.
DETECTORS = {
    "torchvision.models.detection.fcos.FCOS",
    "torchvision.models.detection.generalized_rcnn.GeneralizedRCNN",
    "torchvision.models.detection.retinanet.RetinaNet",
    "torchvision.models.detection.ssd.SSD",
}

REWRITES = {
    "grid_sampler": "take bilinear or nearest samples of images",
    "inverse": "invert the matrix before the model is exported, as a buffer of it",
    "repeat_interleave": "repeat by numbers that are no output of the model's own operators",
}
# Fourier transforms, which are matrices in a TFLite file; exporters write them since opset 17.
FOURIER = re.compile(r"(?P<old>i?r?fft)|fft_\w+|stft|view_as_(?:real|complex)")


def refusal(error, model, inputs, opset, warned, code):
    """The StageError of kind ``model`` for what torch.onnx.export raised.

    ``warned`` are its warnings: for some operators these alone say why.
    """
    # The frames hold on to a graph that torch has freed, and a new one at its address would be taken for it.
    traceback.clear_frames(error.__traceback__)
    message = one_line(error)
    operator = _operator(message)
    start = "torch {} can't export to ONNX opset {}".format(torch.__version__, opset)
    detector = _detector(model)
    if detector:
        what = "{}: how many boxes it finds decides the sizes of its tensors".format(detector)
        hint = (
            "convert the detector's backbone and heads, whose outputs have fixed sizes, and choose boxes outside of it"
        )
        return StageError("model", "{} the detector {}".format(start, what), hint)
    if operator is None:
        line = code.line_of(error)
        what = "{}: {}{}".format(type(error).__name__, BEGGING.sub("", message), line and " ({})".format(line))
        hint = "write this part of the model with operators that ONNX opset {} has".format(opset)
        return StageError("model", "{} the model: {}".format(start, what), newer_code.hint(error, hint))
    lines = _lines(model, inputs, code)
    operators = [operator]
    reason = next((text for text in warned if operator in text), "")
    if UNKNOWN.search(message):
        operators = _missing(model, inputs, opset) or operators
    elif not NOT_EXPORTED.search(message):
        reason = BEGGING.sub("", message)
    named = ", ".join(name + (" ({})".format(lines[name]) if lines.get(name) else "") for name in operators)
    newer = NEWER.search(message)
    hints = [_hint(name, opset, newer and int(newer.group(1))) for name in operators]
    if newer_code.IS_OLD:
        hints.append("later torches export more: " + newer_code.ELSEWHERE)
    return StageError("model", "{}: {}{}".format(start, named, reason and ": " + reason), "; ".join(hints))


def _operator(message):
    for pattern in (UNKNOWN, NOT_EXPORTED, UNSUPPORTED, TRANSLATING):
        found = pattern.search(message)
        if found:
            return found.group(found.lastindex).split("::")[-1].rstrip(",.")
    return None


def _detector(model):
    """The class of the first detector of torchvision's that is part of a model, or None."""
    for kind in map(type, model.modules()):
        if any("{}.{}".format(base.__module__, base.__name__) in DETECTORS for base in kind.__mro__):
            return kind.__name__
    return None


def _hint(operator, opset, newer):
    newer = newer or (symbolic_registry and symbolic_registry.get_op_supported_version(operator, "", opset))
    if newer and opset < newer <= aids.NEWEST_OPSET:
        return "{}: convert with --opset {}".format(operator, newer)
    fourier = newer_code.IS_OLD and FOURIER.fullmatch(operator)
    if fourier:
        anew = " as torch.fft." + operator if fourier.group("old") else ""
        return "{}: torch of today exports it{}".format(operator, anew)
    return "{}: {}".format(operator, REWRITES.get(operator, "write it with operators that ONNX has"))


# Since torch 1.10 it is public.
_unconvertible = getattr(utils, "unconvertible_ops", None) or functools.partial(
    utils._find_missing_ops_onnx_export,  # noqa: SLF001 - as it was called before
    f=None,
)


def _missing(model, inputs, opset):
    """Every operator that has no export, in order: the exporter itself stops at the first."""
    try:
        kinds = _unconvertible(model, inputs, opset_version=opset)[1]
    except (RuntimeError, TypeError, ValueError, AssertionError):
        # It can't go on behind an operator that fails in another way.
        return []
    return list(dict.fromkeys(kind.split("::")[-1] for kind in kinds))


def _lines(model, inputs, code):
    """The line of the user's code that each operator is first called from; of TorchScript, as far as it is traced."""
    try:
        graph = _get_trace_graph(model, inputs, strict=False)[0]
    except RuntimeError:
        return {}
    lines = {}
    for node in graph.nodes():
        lines.setdefault(node.kind().split("::")[-1].rstrip("_"), code.line_in(node.sourceRange()))
    return lines
