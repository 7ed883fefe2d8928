"""Integers that stand for numbers: of blocks, of few bits, and of scales that opset 13 doesn't have."""

import numpy as np
import onnx_ir as ir

from .rule import UnsupportedError, array, inputs, rank, rule, sizes

VERSIONS = (19, 21, 23, 24, 25, 28)
FLOAT = ir.DataType.FLOAT
# Those that QuantizeLinear makes at opset 13, and those that arithmetic makes.
EIGHT_BITS = (ir.DataType.INT8, ir.DataType.UINT8)
INTEGERS = (*EIGHT_BITS, ir.DataType.INT16, ir.DataType.UINT16)


@rule("QuantizeLinear", since=VERSIONS)
def quantize(node, op):
    x, scale, point = inputs(node, 3)
    dtype = _quantized(node, point)
    if dtype not in INTEGERS:
        raise UnsupportedError("it makes numbers of {}".format(dtype.name.lower()))
    precision = ir.DataType(node.attributes.get_int("precision", 0) or scale.dtype)
    if _is_plain(node) and dtype in EIGHT_BITS and x.dtype == scale.dtype == precision == FLOAT:
        if point is None:
            point = op.constant(np.zeros(sizes(scale)), dtype.numpy())
        return op.add("QuantizeLinear", [x, scale, point], _axis(node), 1)
    spread = op.cast(_spread(op, node, x, scale), precision)
    rounded = op.Round(op.Div(op.cast(x, precision), spread))
    if point is not None:
        rounded = op.Add(rounded, op.cast(_spread(op, node, x, point), precision))
    limits = np.iinfo(dtype.numpy())
    return op.cast(op.Clip(rounded, *(op.constant(limit, like=rounded) for limit in (limits.min, limits.max))), dtype)


@rule("DequantizeLinear", since=VERSIONS)
def dequantize(node, op):
    x, scale, point = inputs(node, 3)
    dtype = ir.DataType(node.attributes.get_int("output_dtype", 0) or scale.dtype)
    if _is_plain(node) and x.dtype in (*EIGHT_BITS, ir.DataType.INT32) and scale.dtype == dtype == FLOAT:
        return op.add("DequantizeLinear", [x, scale, point], _axis(node), 1)
    x, scale, point = (_as_float(op, value) for value in (x, scale, point))
    if point is not None:
        x = op.Sub(x, _spread(op, node, x, point))
    return op.cast(op.Mul(x, _spread(op, node, x, scale)), dtype)


def _quantized(node, point):
    if point is not None:
        return point.dtype
    return ir.DataType(node.attributes.get_int("output_dtype", 0) or ir.DataType.UINT8)


def _is_plain(node):
    return not node.attributes.get_int("block_size", 0)


def _axis(node):
    return {"axis": node.attributes.get_int("axis", 1)}


def _as_float(op, value):
    """A value in float32; a constant may be of any type, among them those that opset 13 doesn't have."""
    if value is None or array(value) is None:
        return value and op.cast(value, FLOAT)
    return op.constant(array(value).astype(np.float32))


def _spread(op, node, x, value):
    """A scale or zero point as it broadcasts: of the whole tensor, of an axis, or of blocks along it."""
    if rank(value) == 0 or sizes(value) == [1]:
        return op.Reshape(value, op.constant([], "int64"))
    axis = node.attributes.get_int("axis", 1) % rank(x)
    if rank(value) == 1:
        return op.Reshape(value, op.constant([-1 if at == axis else 1 for at in range(rank(x))], "int64"))
    (size,), blocks = sizes(x, axis), node.attributes.get_int("block_size", 0)
    return op.Gather(value, op.constant(np.arange(size) // blocks), axis=axis)
