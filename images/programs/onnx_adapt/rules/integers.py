"""Operators on integers with scales and zero points, as the same operators on real numbers between DequantizeLinear and
QuantizeLinear, and those on integers alone, as the same on floats that hold integers.
"""

import onnx

from .rule import array, rule

INT32, UINT8 = onnx.TensorProto.INT32, onnx.TensorProto.UINT8
LARGEST = 255.0


@rule("QLinearConv", since=10)
def q_linear_conv(node, op):
    x, x_scale, x_zero, weights, scale, zero, y_scale, y_zero, *bias = node.inputs
    inputs = [op.DequantizeLinear(x, x_scale, x_zero), op.DequantizeLinear(weights, scale, zero, axis=0)]
    if bias and bias[0]:
        inputs.append(op.DequantizeLinear(bias[0], product(op, x_scale, scale), axis=0))
    kept = {name: value for name, value in node.attributes.items() if name != "channels_last"}
    return op.QuantizeLinear(op.Conv(*inputs, **kept), y_scale, y_zero)


@rule("QLinearMatMul", since=(10, 21))
def q_linear_mat_mul(node, op):
    """Scales are of the rows of the first matrix, and of the columns of the second."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = node.inputs
    made = op.MatMul(op.DequantizeLinear(a, a_scale, a_zero, axis=-2), op.DequantizeLinear(b, b_scale, b_zero, axis=-1))
    return op.QuantizeLinear(made, y_scale, y_zero)


@rule("ConvInteger", since=10)
def conv_integer(node, op):
    x, weights, x_zero, zero = [*node.inputs, None, None][:4]
    if zero is not None and zero.shape is not None and len(zero.shape) == 1:
        zero = op.Reshape(zero, op.constant([-1, *[1] * (len(weights.shape) - 1)], "int64"))
    return _whole(op, op.Conv(as_floats(op, x, x_zero), as_floats(op, weights, zero), **node.attributes))


@rule("MatMulInteger", since=10)
def mat_mul_integer(node, op):
    a, b, a_zero, b_zero = [*node.inputs, None, None][:4]
    if a_zero is not None and a_zero.shape is not None and len(a_zero.shape) == 1:
        a_zero = op.Unsqueeze(a_zero, op.constant([1], "int64"))
    return _whole(op, op.MatMul(as_floats(op, a, a_zero), as_floats(op, b, b_zero)))


@rule("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(node, op):
    """To 8 bits by the range that the tensor has in this run."""
    (x,) = node.inputs
    nothing, one, largest = (op.constant(value, "float32") for value in (0.0, 1.0, LARGEST))
    low = op.Min(op.ReduceMin(x, keepdims=0), nothing)
    high = op.Max(op.ReduceMax(x, keepdims=0), nothing)
    width = op.Sub(high, low)
    scale = op.Where(op.Equal(width, nothing), one, op.Div(width, largest))
    zero = op.Round(op.Clip(op.Div(op.Neg(low), scale), nothing, largest))
    numbers = op.Clip(op.Add(op.Round(op.Div(x, scale)), zero), nothing, largest)
    return [op.Cast(numbers, to=UINT8), scale, op.Cast(zero, to=UINT8)]


def as_floats(op, x, zero):
    """Integers less their zero point, as floats."""
    numbers = op.Cast(x, to=onnx.TensorProto.FLOAT)
    return numbers if zero is None else op.Sub(numbers, op.Cast(zero, to=onnx.TensorProto.FLOAT))


def _whole(op, x):
    return op.Cast(op.Round(x), to=INT32)


def product(op, a, b):
    """Of two scales: a constant where both are."""
    known = [array(each) for each in (a, b)]
    return op.Mul(a, b) if any(each is None for each in known) else op.constant(known[0] * known[1])
