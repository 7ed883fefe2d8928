"""Rules for the shapes of what operators read and write."""

import json

import numpy as np

from .finding import Finding, named

_POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D", "L2_POOL_2D")
_BROADCAST = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "POW", "FLOOR_DIV", "FLOOR_MOD")
_SAME_SHAPE = (
    *("ABS", "NEG", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND", "GELU", "ELU"),
    *("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "PRELU", "HARD_SWISH", "LOGISTIC", "TANH"),
    *("SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION", "QUANTIZE", "DEQUANTIZE", "CAST", "LOGICAL_NOT", "CUMSUM"),
)
_SAME_COUNT = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "REVERSE_V2")


def findings(graph, prefix):
    """Every Finding about the shapes of a graph's operators. Where sizes are left open nothing is said."""
    for at, operator in enumerate(graph.operators):
        read = [graph.tensors[place] if place >= 0 else None for place in operator.inputs]
        written = [graph.tensors[place] for place in operator.outputs]
        if any(tensor and not _is_fixed(tensor) for tensor in read + written):
            continue
        try:
            found = list(_found(operator, read, written))
        except (IndexError, ValueError, AttributeError):
            found = ["has not the inputs, outputs and sizes of this operator"]
        for what in found:
            name = written[0].name if written else ""
            yield Finding("shapes", named(graph, at, prefix), what, name)


def _is_fixed(tensor):
    return -1 not in tensor.signature and bool(tensor.shape or tensor.constant.sha256 or tensor.signature)


def _found(operator, read, written):
    kind = operator.kind
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        yield from _convolution(operator, *(each.shape for each in (read[0], read[1], written[0])), bias=read[2:3])
    elif kind == "FULLY_CONNECTED":
        yield from _dense(read[0].shape, read[1].shape, written[0].shape, read[2:3])
    elif kind in _POOLS:
        yield from _pool(operator, read[0].shape, written[0].shape)
    elif kind in _BROADCAST:
        yield from _expected(np.broadcast(*map(_empty, read[:2])).shape, written[0].shape)
    elif kind in _SAME_SHAPE:
        yield from _expected(read[0].shape, written[0].shape)
    elif kind in _SAME_COUNT:
        sizes = [int(np.prod(each.shape, dtype=np.int64)) for each in (read[0], written[0])]
        if sizes[0] != sizes[1]:
            yield "gives {} values of {}".format(sizes[1], sizes[0])
    elif kind == "CONCATENATION":
        axis = json.loads(operator.options.get("axis", "0"))
        shape = list(read[0].shape)
        shape[axis] = sum(each.shape[axis] for each in read)
        yield from _expected(tuple(shape), written[0].shape)


def _empty(tensor):
    """An array of a tensor's shape that takes no memory."""
    return np.broadcast_to(np.uint8(0), tensor.shape)


def _expected(shape, given):
    if tuple(shape) != tuple(given):
        yield "gives {}, which has to be {}".format(_in_words(given), _in_words(shape))


def _convolution(operator, x, weights, y, bias):
    if operator.kind == "CONV_2D":
        channels, fits = weights[0], x[3] % weights[3] == 0 and weights[0] % (x[3] // weights[3]) == 0
    else:
        channels, fits = weights[3], weights[0] == 1 and weights[3] % x[3] == 0
    if not fits:
        yield "its weights {} don't fit {} channels".format(_in_words(weights), x[3])
    if bias and bias[0] and int(np.prod(bias[0].shape)) != channels:
        yield "its bias has {} values for {} channels".format(int(np.prod(bias[0].shape)), channels)
    yield from _expected((x[0], *_windows(operator, x[1:3], weights[1:3]), channels), y)


def _pool(operator, x, y):
    window = [_number(operator, "filter_height"), _number(operator, "filter_width")]
    yield from _expected((x[0], *_windows(operator, x[1:3], window), x[3]), y)


def _windows(operator, sizes, window):
    """How many windows there are along height and width."""
    for size, length, letter in zip(sizes, window, "hw"):
        stride = _number(operator, "stride_" + letter)
        reach = (length - 1) * _number(operator, "dilation_{}_factor".format(letter)) + 1
        yield -(-(size - (0 if operator.options.get("padding") == "SAME" else reach - 1)) // stride)


def _number(operator, name):
    return json.loads(operator.options.get(name, "1"))


def _dense(x, weights, y, bias):
    if int(np.prod(x, dtype=np.int64)) % weights[1]:
        yield "its weights {} don't fit an input of {}".format(_in_words(weights), _in_words(x))
    if y[-1] != weights[0]:
        yield "gives {} values a row, where the weights have {} rows".format(y[-1], weights[0])
    if bias and bias[0] and int(np.prod(bias[0].shape)) != weights[0]:
        yield "its bias has {} values for {} rows".format(int(np.prod(bias[0].shape)), weights[0])


def _in_words(shape):
    return "x".join(map(str, shape)) or "a scalar"
