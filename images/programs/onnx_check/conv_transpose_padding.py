"""Padding of a ConvTranspose that has an ``output_shape``, or SAME.

Where the sum of both sides is odd, the text of ONNX 1.8 and onnxruntime 1.6 have the greater half on one side; ONNX
since 1.10, which corrected the text of the same operator version, and onnxruntime since 1.12 have it on the other. For
SAME without ``output_shape`` onnxruntime 1.6 computes no padding. The corrected text holds: the padding is written out
here, so that every runtime computes the same.
"""

import onnx
from onnx import helper

from . import model_file

SAME = ("SAME_UPPER", "SAME_LOWER")
SETTINGS = ("auto_pad", "output_shape", "pads")


def spelled_out(model):
    """The model with explicit ``pads`` where runtimes would differ, and sizes are known."""
    nodes = [node for node in model.graph.node if node.op_type == "ConvTranspose" and _is_open(_settings(node))]
    if not nodes:
        return model
    types = model_file.inferred(model)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for node in changed.graph.node:
        if node.op_type == "ConvTranspose" and _is_open(_settings(node)):
            read, kernel = (_sizes(types.get(name)) for name in node.input[:2])
            pads = _pads(_settings(node), read[2:], kernel[2:])
            if pads is not None:
                kept = [attribute for attribute in node.attribute if attribute.name not in SETTINGS]
                del node.attribute[:]
                node.attribute.extend([*kept, helper.make_attribute("pads", pads)])
    return changed


def _is_open(settings):
    return settings.get("auto_pad", b"NOTSET").decode() in SAME or "output_shape" in settings


def _settings(node):
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _sizes(tensor):
    return [] if tensor is None else [dim.dim_value for dim in tensor.shape.dim]


def _pads(settings, sizes, kernel):
    """The pads of the corrected text; None where all read the text alike, or something is unknown."""
    rank = len(sizes)
    if not sizes or not all(sizes) or not all(kernel):
        return None
    strides, dilations = (settings.get(name, [1] * rank) for name in ("strides", "dilations"))
    added = settings.get("output_padding", [0] * rank)
    wanted = settings.get("output_shape", [size * stride for size, stride in zip(sizes, strides)])[-rank:]
    made = [
        stride * (size - 1) + more + (width - 1) * dilation + 1
        for stride, size, more, width, dilation in zip(strides, sizes, added, kernel, dilations)
    ]
    total = [size - left for size, left in zip(made, wanted)]
    if min(total) < 0 or ("output_shape" in settings and not any(pad % 2 for pad in total)):
        return None
    less, more = [pad // 2 for pad in total], [pad - pad // 2 for pad in total]
    return less + more if settings.get("auto_pad") == b"SAME_UPPER" else more + less
