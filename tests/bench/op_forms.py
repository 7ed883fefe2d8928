"""Operators alone, and the spellings of what one result costs, as .tflite files with an input each.

Of a case all forms compute the same, from the same input: which one is cheapest in a runtime is what a lowering wants
to know. It is run where `make op-costs` has the schema's package, and writes an .npz that op_time.py reads.
"""

import json
import math
import sys
from fnmatch import fnmatchcase
from functools import partial

import built
import numpy as np

SAME, VALID = 0, 1
# What goes through vision transformers, and through networks of convolutions.
TOKENS, WINDOWS, IMAGE = (1, 197, 192), (1, 3136, 96), (1, 56, 56, 96)


class Net:
    """A graph with one input, which grows by an operator at a time; tensors are numbers."""

    def __init__(self, shape):
        self._tensors = [built.Tensor("x", shape)]
        self._operators = []
        self.x = 0

    def constant(self, value, dtype="float32"):
        data = np.asarray(value, dtype)
        return self._add(built.Tensor(f"c{len(self._tensors)}", data.shape, dtype, data))

    def op(self, kind, inputs, shape, table="", *, outputs=1, **options):
        """The number of its output, or of its first one of some that have the same shape."""
        made = [self._add(built.Tensor(f"t{len(self._tensors)}", shape)) for _ in range(outputs)]
        self._operators.append(built.Operator(kind, inputs, made, table, options))
        return made[0]

    def shape(self, tensor):
        return tuple(self._tensors[tensor].shape)

    def content(self, *outputs):
        return built.content(built.File([built.Graph(self._tensors, self._operators, [self.x], outputs)]))

    def _add(self, tensor):
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def binary(self, kind, left, right):
        shape = np.broadcast_shapes(self.shape(left), self.shape(right))
        table = f"{kind.title()}Options" if kind in ("ADD", "SUB", "MUL", "DIV") else ""
        return self.op(kind, [left, right], shape, table)

    def unary(self, kind, x, table="", **options):
        return self.op(kind, [x], self.shape(x), table, **options)

    def scalar(self, kind, x, number):
        return self.binary(kind, x, self.constant(number))

    def reduced(self, kind, x, axes):
        shape = [1 if at in axes else size for at, size in enumerate(self.shape(x))]
        return self.op(kind, [x, self.constant(axes, "int32")], shape, "ReducerOptions", KeepDims=True)

    def reshaped(self, x, shape):
        return self.op("RESHAPE", [x, self.constant(shape, "int32")], shape)

    def transposed(self, x, order):
        shape = [self.shape(x)[axis] for axis in order]
        return self.op("TRANSPOSE", [x, self.constant(order, "int32")], shape, "TransposeOptions")

    def sliced(self, x, begin, end):
        shape = [high - low for low, high in zip(begin, end, strict=True)]
        given = [self.constant(each, "int32") for each in (begin, shape)]
        return self.op("SLICE", [x, *given], shape, "SliceOptions")

    def strided(self, x, begin, end):
        shape = [high - low for low, high in zip(begin, end, strict=True)]
        given = [self.constant(each, "int32") for each in (begin, end, [1] * len(end))]
        return self.op("STRIDED_SLICE", [x, *given], shape, "StridedSliceOptions")

    def picked(self, x, places):
        """Along the last axis."""
        shape = (*self.shape(x)[:-1], len(places))
        return self.op("GATHER", [x, self.constant(places, "int32")], shape, "GatherOptions", Axis=len(shape) - 1)

    def pooled(self, kind, x, size):
        """Windows that don't overlap."""
        batch, height, width, channels = self.shape(x)
        shape = (batch, height // size[0], width // size[1], channels)
        options = {"StrideH": size[0], "StrideW": size[1], "FilterHeight": size[0], "FilterWidth": size[1]}
        return self.op(kind, [x], shape, "Pool2DOptions", Padding=VALID, **options)

    def resized(self, x, size):
        batch, _, _, channels = self.shape(x)
        shape, given = (batch, *size, channels), [x, self.constant(size, "int32")]
        return self.op("RESIZE_BILINEAR", given, shape, "ResizeBilinearOptions", HalfPixelCenters=True)

    def split(self, x, axis, count):
        shape = list(self.shape(x))
        shape[axis] //= count
        first = self.op(
            "SPLIT", [self.constant(axis, "int32"), x], shape, "SplitOptions", outputs=count, NumSplits=count
        )
        return list(range(first, first + count))

    def joined(self, parts, axis):
        shape = list(self.shape(parts[0]))
        shape[axis] = sum(self.shape(part)[axis] for part in parts)
        return self.op("CONCATENATION", parts, shape, "ConcatenationOptions", Axis=axis)

    def dense(self, x, weights, bias):
        """``weights`` [outputs, inputs]"""
        shape = (*self.shape(x)[:-1], len(weights))
        given = [x, self.constant(weights), self.constant(bias)]
        return self.op("FULLY_CONNECTED", given, shape, "FullyConnectedOptions", KeepNumDims=True)

    def product(self, left, right, *, adjoint=False):
        shape = (*self.shape(left)[:-1], self.shape(right)[-2 if adjoint else -1])
        return self.op("BATCH_MATMUL", [left, right], shape, "BatchMatMulOptions", AdjY=adjoint)

    def convolved(self, x, kernel, bias, *, depthwise=False, padding=SAME):
        """``kernel`` [outputs, height, width, inputs], or of a depthwise one [1, height, width, outputs]"""
        batch, height, width, _ = self.shape(x)
        lost = (0, 0) if padding == SAME else (kernel.shape[1] - 1, kernel.shape[2] - 1)
        shape = (batch, height - lost[0], width - lost[1], len(bias))
        kind, table = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
        options = {"Padding": padding, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
        options.update({"DepthMultiplier": 1} if depthwise else {})
        return self.op(kind, [x, self.constant(kernel), self.constant(bias)], shape, table, **options)

    def padded(self, x, sizes):
        shape = [size + sum(each) for size, each in zip(self.shape(x), sizes, strict=True)]
        return self.op("PAD", [x, self.constant(sizes, "int32")], shape, "PadOptions")


def forms():
    """(case, form, the input's shape, bytes) of each."""
    for family in (
        *(_dense, _scores, _transposes, _reductions, _softmax, _gelu, _activations, _layer_norm, _elementwise),
        *(_powers, _joined, _cut, _shuffled, _convolved, _grouped, _pooled),
    ):
        for case, shape, spelled in family():
            for form, build in spelled.items():
                net = Net(shape)
                made = build(net)
                yield case, form, shape, net.content(*(made if isinstance(made, list) else [made]))


# A family yields cases: words, the input's shape, and by words what builds a form of a net, which comes last.


def _dense():
    for rows, depth, columns in ((1, 192, 1000), (197, 192, 768), (197, 768, 192), (3136, 96, 384), (49, 768, 768)):
        layer, side = (_drawn(columns, depth), _drawn(columns)), math.isqrt(rows)
        spelled = {
            "FULLY_CONNECTED of rank 2": partial(_fully_connected, layer, (rows, depth)),
            "FULLY_CONNECTED of rank 3": partial(_fully_connected, layer, (1, rows, depth)),
            "FULLY_CONNECTED of rank 4": partial(_fully_connected, layer, (1, 1, rows, depth)),
            "BATCH_MATMUL of rank 3, ADD": partial(_multiplied, layer, (1, rows, depth)),
            "CONV_2D of a row": partial(_pointwise, layer, (1, 1, rows, depth)),
        }
        if side * side == rows:
            spelled["CONV_2D of a square"] = partial(_pointwise, layer, (1, side, side, depth))
        yield f"dense {rows}x{depth} by {depth}x{columns}", (rows, depth), spelled


def _fully_connected(layer, shape, net):
    return net.dense(net.reshaped(net.x, shape), *layer)


def _multiplied(layer, shape, net):
    weights, bias = layer
    made = net.product(net.reshaped(net.x, shape), net.constant(weights[None]), adjoint=True)
    return net.binary("ADD", made, net.constant(bias))


def _pointwise(layer, shape, net):
    weights, bias = layer
    return net.convolved(net.reshaped(net.x, shape), weights[:, None, None], bias)


def _scores():
    for heads, length, size in ((3, 197, 64), (12, 49, 32), (4, 128, 64)):
        shape = (1, heads, length, size)
        yield (
            f"queries by keys, {heads} heads of {length}x{size}",
            shape,
            {
                "BATCH_MATMUL of rank 4, adjoint": partial(_by_itself, shape),
                "BATCH_MATMUL of rank 3, adjoint": partial(_by_itself, shape[1:]),
                "TRANSPOSE, BATCH_MATMUL of rank 4": partial(_by_its_transpose, shape),
                "TRANSPOSE, BATCH_MATMUL of rank 3": partial(_by_its_transpose, shape[1:]),
            },
        )


def _by_itself(shape, net):
    x = net.reshaped(net.x, shape)
    return net.product(x, x, adjoint=True)


def _by_its_transpose(shape, net):
    x, last = net.reshaped(net.x, shape), len(shape) - 1
    return net.product(x, net.transposed(x, (*range(last - 1), last, last - 1)))


def _transposes():
    for shape, order in (
        ((197, 192), (1, 0)),
        ((1, 197, 192), (0, 2, 1)),
        ((1, 197, 3, 64), (0, 2, 1, 3)),
        ((1, 3, 197, 64), (0, 2, 1, 3)),
        ((1, 56, 56, 96), (0, 3, 1, 2)),
        ((1, 96, 56, 56), (0, 2, 3, 1)),
        ((1, 224, 224, 3), (0, 3, 1, 2)),
        ((1, 3, 224, 224), (0, 2, 3, 1)),
        ((1, 8, 7, 8, 7, 96), (0, 1, 3, 2, 4, 5)),
    ):
        words = f"{_by(shape)}, axes {' '.join(map(str, order))}"
        yield f"transpose {words}", shape, {"TRANSPOSE": lambda net, order=order: net.transposed(net.x, order)}
    shape = (1, 197, 192)
    yield f"reshape {_by(shape)}", shape, {"RESHAPE": lambda net: net.reshaped(net.x, (1, 197, 3, 64))}


def _reductions():
    for shape, axes in ((TOKENS, (2,)), (WINDOWS, (2,)), ((1, 7, 7, 960), (1, 2)), (IMAGE, (1, 2)), (IMAGE, (3,))):
        size = math.prod(shape[axis] for axis in axes)
        spelled = {
            "MEAN": lambda net, axes=axes: net.reduced("MEAN", net.x, axes),
            "SUM, MUL": lambda net, axes=axes, size=size: net.scalar("MUL", net.reduced("SUM", net.x, axes), 1 / size),
        }
        if axes == (1, 2):
            spelled["AVERAGE_POOL_2D"] = partial(_pooled_by, "AVERAGE_POOL_2D", shape[1:3])
        yield f"mean of {_by(shape)} over {' '.join(map(str, axes))}", shape, spelled


def _softmax():
    for shape in ((1, 3, 197, 197), (64, 3, 49, 49)):
        yield (
            f"softmax of {_by(shape)}",
            shape,
            {
                "SOFTMAX": lambda net: net.unary("SOFTMAX", net.x, "SoftmaxOptions", Beta=1.0),
                "EXP, SUM, DIV": _normalized_exponents,
            },
        )


def _normalized_exponents(net):
    exponents = net.unary("EXP", net.scalar("SUB", net.x, 1.0))
    return net.binary("DIV", exponents, net.reduced("SUM", exponents, (3,)))


def _gelu():
    for shape in ((1, 197, 768), (1, 56, 56, 160)):
        yield (
            f"GELU of {_by(shape)}",
            shape,
            {
                "GELU": lambda net: net.unary("GELU", net.x, "GeluOptions", Approximate=False),
                "GELU, approximate": lambda net: net.unary("GELU", net.x, "GeluOptions", Approximate=True),
                "by TANH": _gelu_by_tanh,
                "by LOGISTIC": _gelu_by_logistic,
            },
        )


def _gelu_by_tanh(net):
    cube = net.binary("MUL", net.binary("MUL", net.x, net.x), net.x)
    inner = net.scalar("MUL", net.binary("ADD", net.x, net.scalar("MUL", cube, 0.044715)), math.sqrt(2 / math.pi))
    return net.binary("MUL", net.scalar("MUL", net.x, 0.5), net.scalar("ADD", net.unary("TANH", inner), 1.0))


def _gelu_by_logistic(net):
    return net.binary("MUL", net.x, net.unary("LOGISTIC", net.scalar("MUL", net.x, 1.702)))


def _activations():
    for kind in ("RELU", "RELU6", "LOGISTIC", "TANH", "EXP", "HARD_SWISH", "ELU"):
        yield f"{kind} of {_by(IMAGE)}", IMAGE, {kind: lambda net, kind=kind: net.unary(kind, net.x)}


def _layer_norm():
    for shape in (TOKENS, WINDOWS, IMAGE):
        yield (
            f"layer normalization of {_by(shape)}",
            shape,
            {
                "MUL for squares, RSQRT": partial(_layer_normalized, "MUL"),
                "SQUARED_DIFFERENCE, RSQRT": partial(_layer_normalized, "SQUARED_DIFFERENCE"),
                "SQRT, DIV": partial(_layer_normalized, "DIV"),
            },
        )


def _layer_normalized(spelling, net):
    last = (len(net.shape(net.x)) - 1,)
    mean = net.reduced("MEAN", net.x, last)
    centred = net.binary("SUB", net.x, mean)
    squares = net.binary("MUL", centred, centred)
    if spelling == "SQUARED_DIFFERENCE":
        squares = net.binary("SQUARED_DIFFERENCE", net.x, mean)
    variance = net.scalar("ADD", net.reduced("MEAN", squares, last), 1e-6)
    if spelling == "DIV":
        scaled = net.binary("DIV", centred, net.unary("SQRT", variance))
    else:
        scaled = net.binary("MUL", centred, net.unary("RSQRT", variance))
    width = net.shape(net.x)[-1]
    return net.binary("ADD", net.binary("MUL", scaled, net.constant(_drawn(width))), net.constant(_drawn(width)))


def _elementwise():
    others = {"a number": 1.5, "one for each channel": 1 + _drawn(96), "as many": 1 + _drawn(*IMAGE)}
    for kind in ("ADD", "MUL", "SUB", "DIV", "MAXIMUM"):
        for words, other in others.items():
            case = f"{kind} of {_by(IMAGE)} and {words}"
            yield case, IMAGE, {kind: lambda net, kind=kind, other=other: net.scalar(kind, net.x, other)}


def _powers():
    yield (
        f"square of {_by(IMAGE)}",
        IMAGE,
        {
            "SQUARE": lambda net: net.unary("SQUARE", net.x),
            "MUL": lambda net: net.binary("MUL", net.x, net.x),
            "POW": lambda net: net.scalar("POW", net.x, 2.0),
        },
    )
    yield (
        f"square root of {_by(IMAGE)}",
        IMAGE,
        {
            "SQRT": lambda net: net.unary("SQRT", net.x),
            "POW": lambda net: net.scalar("POW", net.x, 0.5),
            "RSQRT, MUL": lambda net: net.binary("MUL", net.x, net.unary("RSQRT", net.x)),
        },
    )


def _joined():
    for shape, axis in ((IMAGE, 3), (IMAGE, 1), (TOKENS, 2), (TOKENS, 1)):
        yield (
            f"{_by(shape)} twice along axis {axis}",
            shape,
            {"CONCATENATION": lambda net, axis=axis: net.joined([net.x, net.x], axis)},
        )
    yield (
        f"zeros before {_by(IMAGE)} along axis 3",
        IMAGE,
        {
            "PAD": lambda net: net.padded(net.x, [[0, 0], [0, 0], [0, 0], [96, 0]]),
            "CONCATENATION": lambda net: net.joined([net.constant(np.zeros(IMAGE)), net.x], 3),
        },
    )


def _cut():
    for shape, count in (((1, 197, 576), 3), ((1, 56, 56, 96), 2), ((1, 28, 28, 96), 8)):
        yield (
            f"{_by(shape)} in {count} parts along the last axis",
            shape,
            {
                "SPLIT": lambda net, shape=shape, count=count: net.split(net.x, len(shape) - 1, count),
                "SLICE": partial(_parts, count, Net.sliced),
                "STRIDED_SLICE": partial(_parts, count, Net.strided),
            },
        )


def _parts(count, cut, net):
    *rest, width = net.shape(net.x)
    step = width // count
    zeros = [0] * len(rest)
    return [cut(net, net.x, [*zeros, step * at], [*rest, step * (at + 1)]) for at in range(count)]


def _shuffled():
    shape = (1, 28, 28, 116)
    yield (
        f"channels of {_by(shape)} shuffled",
        shape,
        {
            "RESHAPE, TRANSPOSE, RESHAPE": _shuffled_by_transpose,
            "GATHER": lambda net: net.picked(net.x, np.arange(116).reshape(2, 58).T.ravel()),
        },
    )


def _shuffled_by_transpose(net):
    return net.reshaped(net.transposed(net.reshaped(net.x, (1, 28, 28, 2, 58)), (0, 1, 2, 4, 3)), (1, 28, 28, 116))


def _convolved():
    shape = (1, 56, 56, 96)
    for size in (3, 7):
        kernel, bias, edge = _drawn(1, size, size, 96), _drawn(96), size // 2
        yield (
            f"{size}x{size} depthwise on {_by(shape)}",
            shape,
            {
                "DEPTHWISE_CONV_2D": partial(_depthwise, kernel, bias, ()),
                "PAD, DEPTHWISE_CONV_2D": partial(_depthwise, kernel, bias, (edge, edge)),
            },
        )
    kernel, bias = _drawn(96, 3, 3, 96), _drawn(96)
    yield (
        f"3x3 convolution on {_by(shape)}",
        shape,
        {
            "CONV_2D": lambda net: net.convolved(net.x, kernel, bias),
            "PAD, CONV_2D": lambda net: net.convolved(_edged(1, net), kernel, bias, padding=VALID),
        },
    )


def _depthwise(kernel, bias, edge, net):
    if edge:
        return net.convolved(_edged(edge[0], net), kernel, bias, depthwise=True, padding=VALID)
    return net.convolved(net.x, kernel, bias, depthwise=True)


def _edged(edge, net):
    return net.padded(net.x, [[0, 0], [edge, edge], [edge, edge], [0, 0]])


def _grouped():
    for shape, groups in (((1, 56, 56, 24), 3), ((1, 14, 14, 152), 19)):
        channels = shape[-1]
        kernel, bias = _drawn(channels, 3, 3, channels // groups), _drawn(channels)
        yield (
            f"3x3 convolution of {groups} groups on {_by(shape)}",
            shape,
            {
                "CONV_2D, grouped": lambda net, kernel=kernel, bias=bias: net.convolved(net.x, kernel, bias),
                "SPLIT, CONV_2D, CONCATENATION": partial(_by_group, kernel, bias, groups),
                "CONV_2D with zeros": partial(_with_zeros, kernel, bias, groups),
            },
        )


def _by_group(kernel, bias, groups, net):
    parts = net.split(net.x, 3, groups)
    layers = zip(parts, np.split(kernel, groups), np.split(bias, groups), strict=True)
    return net.joined([net.convolved(*layer) for layer in layers], 3)


def _with_zeros(kernel, bias, groups, net):
    whole, size = np.zeros((len(kernel), 3, 3, len(kernel))), len(kernel) // groups
    for at in range(groups):
        place = slice(at * size, (at + 1) * size)
        whole[place, :, :, place] = kernel[place]
    return net.convolved(net.x, whole, bias)


def _pooled():
    for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield f"{kind} 2x2 of {_by(IMAGE)}", IMAGE, {kind: partial(_pooled_by, kind, (2, 2))}
    yield f"{_by(IMAGE)} twice as large", IMAGE, {"RESIZE_BILINEAR": lambda net: net.resized(net.x, (112, 112))}


def _pooled_by(kind, size, net):
    return net.pooled(kind, net.x, size)


def _drawn(*shape):
    return np.random.RandomState(0).standard_normal(shape) / math.sqrt(shape[-1])


def _by(shape):
    return "x".join(map(str, shape))


def main():
    file, pattern = sys.argv[1:]
    arrays, listed = {}, []
    chosen = (each for each in forms() if fnmatchcase(each[0], pattern))
    for number, (case, form, shape, content) in enumerate(chosen):
        arrays[str(number)] = np.frombuffer(content, np.uint8)
        listed.append({"case": case, "form": form, "shape": shape})
    np.savez(file, forms=np.array(json.dumps(listed)), **arrays)


if __name__ == "__main__":
    main()
