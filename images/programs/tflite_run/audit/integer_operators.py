"""Rules for operators of quantized integers: what their kernels take for granted and don't compute."""

import math

import numpy as np

from .finding import Finding, named
from .tensors import ENDS

# Where an operator has its input, weights and bias.
BIASED = {
    "CONV_2D": (0, 1, 2),
    "CONV_3D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
# The axis of the weights along which their scales are.
_CHANNELS = {"CONV_2D": 0, "CONV_3D": 4, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
# Scale and zero point that the result of a function with fixed ends has.
FIXED = {
    ("LOGISTIC", "int8"): (1 / 256, -128),
    ("LOGISTIC", "int16"): (1 / 2**15, 0),
    ("TANH", "int8"): (1 / 128, 0),
    ("TANH", "int16"): (1 / 2**15, 0),
    ("SOFTMAX", "int8"): (1 / 256, -128),
    ("SOFTMAX", "int16"): (1 / 2**15, 0),
    ("LOG_SOFTMAX", "int8"): (16 / 256, 127),
    ("L2_NORMALIZATION", "int8"): (1 / 128, 0),
}
# The kernels of these copy, pick or average integers as they are: the inputs (None: all) have the output's scale.
UNSCALED = {
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), (0,)),
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "TILE", "BROADCAST_TO"), (0,)),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE", "GATHER", "GATHER_ND", "UNPACK", "SPLIT_V"), (0,)),
    **dict.fromkeys(("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND", "MIRROR_PAD", "PAD"), (0,)),
    **dict.fromkeys(("REVERSE_V2", "BATCH_TO_SPACE_ND", "REDUCE_MAX", "REDUCE_MIN"), (0,)),
    **dict.fromkeys(("CONCATENATION", "PACK"), None),
    "PADV2": (0, 2),
    "SPLIT": (1,),
    **dict.fromkeys(("SELECT", "SELECT_V2"), (1, 2)),
    **dict.fromkeys(("MAXIMUM", "MINIMUM"), (0, 1)),
}
# How far two scales may be from each other, relative to them: the last digits of a float.
_SAME = 1e-5


def findings(graph, prefix):
    """Every Finding about a graph's operators on quantized integers."""
    for at, operator in enumerate(graph.operators):
        where = named(graph, at, prefix)
        if operator.kind in BIASED:
            found = _biased(graph, operator)
        elif operator.kind in UNSCALED:
            found = _unscaled(graph, operator)
        else:
            found = _fixed(graph, operator)
        for kind, end, place, what in found:
            yield Finding(kind, "{} {}".format(where, end), what, graph.tensors[place].name)


def is_quantized(tensor):
    """Whether a tensor is of integers that stand for other numbers."""
    return tensor.dtype in ENDS and bool(tensor.quantization.scales)


def _read(graph, operator, at):
    place = operator.inputs[at] if at < len(operator.inputs) else -1
    return place, (graph.tensors[place] if place >= 0 else None)


def _biased(graph, operator):
    (_, x), (weights_at, weights), (bias_at, bias) = (_read(graph, operator, at) for at in BIASED[operator.kind])
    if x is None or weights is None or not is_quantized(x) or not is_quantized(weights):
        return
    scales, points, axis = weights.quantization[:3]
    end = "input {}".format(BIASED[operator.kind][1])
    if x.dtype != "uint8" and any(points):
        yield "zero points", end, weights_at, "zero point {} of weights, which has to be 0".format(max(points, key=abs))
    if len(scales) > 1 and axis != _CHANNELS[operator.kind]:
        words = "scales along axis {}, where the kernel takes axis {}"
        yield "channels", end, weights_at, words.format(axis, _CHANNELS[operator.kind])
    if bias is None or not bias.quantization.scales:
        return
    end = "input {}".format(BIASED[operator.kind][2])
    given, needed = bias.quantization.scales, [x.quantization.scales[0] * scale for scale in scales]
    if any(bias.quantization.zero_points):
        yield (
            "bias",
            end,
            bias_at,
            "zero point {}, which has to be 0".format(max(bias.quantization.zero_points, key=abs)),
        )
    if len(given) != len(needed):
        yield "bias", end, bias_at, "{} scales, where the weights have {}".format(len(given), len(needed))
        return
    counts = _counts(bias, len(needed))
    wrong = [at for at, pair in enumerate(zip(given, needed)) if counts[at] and not _same(*pair)]
    if wrong:
        words = "{} of {} scales are not input x weights: {:.6g} in place of {:.6g}{}"
        where = " in channel {}".format(wrong[0]) if len(needed) > 1 else ""
        pair = given[wrong[0]], needed[wrong[0]]
        yield "bias", end, bias_at, words.format(len(wrong), len(needed), *pair, where)


def _counts(bias, channels):
    """Whether each channel of a bias is other than 0, which is 0 by any scale; one that is computed may be."""
    values = np.frombuffer(bias.constant.data.tobytes(), np.uint8)
    if not values.size or values.size % channels:
        return [True] * channels
    return values.reshape(channels, -1).any(axis=1)


def _unscaled(graph, operator):
    chosen = UNSCALED[operator.kind]
    for number in range(len(operator.inputs)) if chosen is None else chosen:
        place, tensor = _read(graph, operator, number)
        if tensor is None or not is_quantized(tensor):
            continue
        for to in operator.outputs:
            if is_quantized(graph.tensors[to]) and not _alike(tensor, graph.tensors[to]):
                words = "its kernel doesn't scale, but the input has {} and the output {}"
                sides = _in_words(tensor.quantization), _in_words(graph.tensors[to].quantization)
                yield "ranges", "input {}".format(number), place, words.format(*sides)


def _fixed(graph, operator):
    for number, place in enumerate(operator.outputs):
        tensor = graph.tensors[place]
        wanted = FIXED.get((operator.kind, tensor.dtype))
        scales, points = tensor.quantization[:2]
        if wanted and scales and not (_same(scales[0], wanted[0]) and tuple(points[:1] or (0,)) == wanted[1:]):
            words = "{}, where the kernel gives scale {:.6g}, zero point {}"
            yield "ranges", "output {}".format(number), place, words.format(_in_words(tensor.quantization), *wanted)


def _alike(one, other):
    return _same(one.quantization.scales[0], other.quantization.scales[0]) and (
        tuple(one.quantization.zero_points[:1] or (0,)) == tuple(other.quantization.zero_points[:1] or (0,))
    )


def _same(one, other):
    # What is no number is a finding of its own.
    return abs(one - other) <= _SAME * abs(other) or not (math.isfinite(one) and math.isfinite(other))


def _in_words(quantization):
    return "scale {:.6g}, zero point {}".format(quantization.scales[0], (quantization.zero_points or (0,))[0])
