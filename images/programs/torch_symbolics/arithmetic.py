"""Arithmetic and logic, element by element."""

import torch
from torch.onnx import symbolic_helper

from . import constants
from .decomposition import (
    SYMBOLICS,
    KeptError,
    constant,
    decomposition,
    opset,
    symbolic,
    torch_symbolic,
    truth,
)

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@decomposition("square")
def square(x):
    return x * x


@decomposition("trunc")
def trunc(x):
    return torch.sign(x) * torch.floor(x.abs())


@decomposition("frac")
def frac(x):
    return x - torch.sign(x) * torch.floor(x.abs())


@symbolic("remainder")
def remainder(graph, x, other):
    scalar_type = x.type().scalarType()
    other = graph.op("Cast", other, to_i=symbolic_helper.cast_pytorch_to_onnx[scalar_type])
    if constants.SCALAR_TYPES[scalar_type] in INTEGERS:
        if opset() < 10:
            raise RuntimeError("ONNX export of remainder in opset 9. Please try opset version 10.")
        return graph.op("Mod", x, other)
    return graph.op("Sub", x, graph.op("Mul", graph.op("Floor", graph.op("Div", x, other)), other))


@decomposition("lerp")
def lerp(start, end, weight):
    return start + weight * (end - start)


@decomposition("addcmul", "value")
def addcmul(x, one, other, value):
    return x + one * other * value


@decomposition("addcdiv", "value")
def addcdiv(x, one, other, value):
    return x + one / other * value


@decomposition("maximum")
def maximum(x, other):
    return torch.max(x, other)


@decomposition("minimum")
def minimum(x, other):
    return torch.min(x, other)


@decomposition("clamp", "low", "high")
def clamp(x, low, high):
    if x.dtype not in INTEGERS:
        raise KeptError
    x = x if low is None else torch.max(x, torch.tensor(int(low), dtype=x.dtype))
    return x if high is None else torch.min(x, torch.tensor(int(high), dtype=x.dtype))


@decomposition("clamp_min", "low")
def clamp_min(x, low):
    return clamp(x, low, None)


@decomposition("clamp_max", "high")
def clamp_max(x, high):
    return clamp(x, None, high)


@decomposition("isinf")
def isinf(x):
    return x.abs() == float("inf")


@decomposition("isfinite")
def isfinite(x):
    # NaN is below nothing.
    return x.abs() < float("inf")


@decomposition("isclose", "rtol", "atol", "equal_nan")
def isclose(x, other, rtol, atol, equal_nan):
    near = (x == other) | ((x - other).abs() <= atol + rtol * other.abs())
    return near | (torch.isnan(x) & torch.isnan(other)) if equal_nan else near


@decomposition("logical_not")
def logical_not(x):
    return ~x if x.dtype is torch.bool else x == 0


@decomposition("logical_and")
def logical_and(x, other):
    return truth(x) & truth(other)


@decomposition("logical_or")
def logical_or(x, other):
    return truth(x) | truth(other)


@decomposition("logical_xor")
def logical_xor(x, other):
    return truth(x) != truth(other)


@decomposition("__xor_")
def xor(x, other):
    return _bitwise(torch.logical_xor, x, other)


@decomposition("bitwise_xor")
def bitwise_xor(x, other):
    return _bitwise(torch.logical_xor, x, other)


@decomposition("bitwise_and")
def bitwise_and(x, other):
    return _bitwise(torch.logical_and, x, other)


@decomposition("bitwise_or")
def bitwise_or(x, other):
    return _bitwise(torch.logical_or, x, other)


def _bitwise(logical, x, other):
    if x.dtype is not torch.bool or other.dtype is not torch.bool:
        raise ValueError("only booleans can be combined: ONNX has no operator for the bits of integers")
    return logical(x, other)


def _comparing(name):
    """The symbolic of a comparison, with a number as what the tensor holds. torch casts both to float64 instead."""

    def comparison(graph, x, other):
        try:
            number = constants.of(other)
        except constants.NotConstantError:
            return torch_symbolic(name)(graph, x, other)
        dtype = constants.SCALAR_TYPES[x.type().scalarType()]
        if number.dim() == 0 and dtype is not torch.bool:
            if number.dtype.is_floating_point and not dtype.is_floating_point:
                dtype = torch.float32
                x = graph.op("Cast", x, to_i=symbolic_helper.cast_pytorch_to_onnx["Float"])
            other = constant(graph, number.to(dtype))
        return torch_symbolic(name)(graph, x, other)

    return comparison


SYMBOLICS.update((name, _comparing(name)) for name in ("eq", "ge", "gt", "le", "lt", "ne"))
