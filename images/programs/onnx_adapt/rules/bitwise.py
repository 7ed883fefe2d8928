"""The bits of integers, by arithmetic.

Opset 13 combines truth values alone, and shifts unsigned integers alone.
"""

import numpy as np
import onnx_ir as ir

from .rule import UnsupportedError, rule

SIGNED = (ir.DataType.INT8, ir.DataType.INT16, ir.DataType.INT32, ir.DataType.INT64)
LARGEST = 32
# By so many bits a number is shifted at once.
STEP = 16
TOO_LARGE = "it is of integers of 64 bits", "compute it in 32 bits in the model"


@rule("BitwiseNot", since=18)
def bitwise_not(node, op):
    (x,) = node.inputs
    wide = op.cast(x, "INT64")
    return op.cast(op.Sub(op.constant(-1, "int64"), wide), x.dtype)


@rule("BitwiseAnd", "BitwiseOr", "BitwiseXor", since=18)
def bitwise(node, op):
    """Each number as its bits along an axis of their own, combined, and added up again."""
    combine = {"BitwiseAnd": op.And, "BitwiseOr": op.Or, "BitwiseXor": op.Xor}[node.op_type]
    dtype = node.inputs[0].dtype
    bits = _bits(dtype)
    powers = 2 ** np.arange(bits + 1, dtype=np.int64)
    last = op.constant([-1], "int64")
    halves = (op.Mod(op.Unsqueeze(op.cast(x, "INT64"), last), op.constant(powers[1:])) for x in node.inputs)
    combined = combine(*(op.GreaterOrEqual(half, op.constant(powers[:-1])) for half in halves))
    place = powers[:-1] * ([1] * (bits - 1) + [-1 if dtype in SIGNED else 1])
    numbers = op.Where(combined, op.constant(place), op.constant(0, "int64"))
    return op.cast(op.ReduceSum(numbers, last, keepdims=0), dtype)


@rule("BitShift", since=28)
def bit_shift(node, op):
    """Unlike before, of signed integers too, and by more bits than there are."""
    x, distance = node.inputs
    bits = int(x.dtype.itemsize * 8)
    if x.dtype == ir.DataType.UINT64:
        raise UnsupportedError(*TOO_LARGE)
    zero, most = op.constant(0, "int64"), op.constant(bits, "int64")
    distance = op.cast(distance, "INT64")
    beyond = op.Or(op.Less(distance, zero), op.Greater(distance, most))
    distance = op.Where(beyond, most, distance)
    wide = op.cast(x, "INT64")
    if node.attributes.get_string("direction") == "RIGHT":
        return op.cast(_shifted_right(op, wide, distance, bits), x.dtype)
    power = op.Gather(op.constant([*(1 << np.arange(bits, dtype=np.int64)), 0]), distance)
    kept = op.Mul(wide, power)
    if bits > LARGEST:
        return kept
    kept = op.Mod(kept, op.constant(2**bits, "int64"))
    if x.dtype in SIGNED:
        half = op.constant(2 ** (bits - 1), "int64")
        kept = op.Sub(op.Mod(op.Add(kept, half), op.constant(2**bits, "int64")), half)
    return op.cast(kept, x.dtype)


def _shifted_right(op, x, distance, bits):
    """In steps whose divisors are small, because TFLite divides in 32 bits."""
    powers = op.constant(2 ** np.arange(STEP + 1, dtype=np.int64))
    zero, step = op.constant(0, "int64"), op.constant(STEP, "int64")
    for done in range(0, bits, STEP):
        left = op.Sub(distance, op.constant(done, "int64"))
        power = op.Gather(powers, op.Max(op.Min(left, step), zero))
        # The remainder has the divisor's sign, so that the quotient is rounded down.
        x = op.Div(op.Sub(x, op.Mod(x, power)), power)
    return x


def _bits(dtype):
    if dtype.itemsize * 8 > LARGEST:
        raise UnsupportedError(*TOO_LARGE)
    return int(dtype.itemsize * 8)
