"""Operators on integers with scales and zero points, as those on real numbers between DequantizeLinear and
QuantizeLinear; quantization at run time, as what it computes.
"""

import onnx

from .. import integers
from .registry import microsoft, optional, refused, type_of

# The first opset in which ONNX's own have integers of 16 bits, as Microsoft's do.
OF_16_BITS = 21


def _quantized(context):
    (element, _), (_, shape) = (type_of(context, at) for at in (2, 0))
    return [(element or onnx.TensorProto.UINT8, shape)]


def _dequantized(context):
    (element, _), (_, shape) = (type_of(context, at) for at in (1, 0))
    return [(element, shape)]


@microsoft("QuantizeLinear", types=_quantized)
@microsoft("DequantizeLinear", types=_dequantized)
def renamed(node, op):
    return op.add(node.op_type, node.inputs, node.attributes, 1, OF_16_BITS)


@microsoft("QLinearConv")
def q_linear_conv(node, op):
    _check_channels_first(node)
    return integers.q_linear_conv(node, op)


@microsoft("QLinearAdd", "QLinearMul")
def q_linear_arithmetic(node, op):
    a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = optional(node, 8)
    made = getattr(op, node.op_type[len("QLinear") :])(
        op.DequantizeLinear(a, a_scale, a_zero), op.DequantizeLinear(b, b_scale, b_zero)
    )
    return op.QuantizeLinear(made, scale, zero)


@microsoft("QLinearSigmoid", "QLinearLeakyRelu", "QLinearGlobalAveragePool", "QLinearAveragePool")
def q_linear_of_one(node, op):
    _check_channels_first(node)
    x, x_scale, x_zero, scale, zero = optional(node, 5)
    kept = {name: value for name, value in node.attributes.items() if name != "channels_last"}
    made = getattr(op, node.op_type[len("QLinear") :])(op.DequantizeLinear(x, x_scale, x_zero), **kept)
    return op.QuantizeLinear(made, scale, zero)


@microsoft("QLinearSoftmax")
def q_linear_softmax(node, op):
    """As of opset 13 or of the ones before, which the node says."""
    x, x_scale, x_zero, scale, zero = optional(node, 5)
    real = op.DequantizeLinear(x, x_scale, x_zero)
    axis = node.attributes.get_int("axis", -1)
    if axis == -1 or node.attributes.get_int("opset") >= 13:
        made = op.Softmax(real, axis=axis)
    else:
        made = op.Reshape(op.Softmax(op.Flatten(real, axis=axis), axis=-1), op.Shape(real))
    return op.QuantizeLinear(made, scale, zero)


@microsoft("QLinearConcat")
def q_linear_concat(node, op):
    scale, zero, *rest = node.inputs
    parts = [op.DequantizeLinear(*rest[at : at + 3]) for at in range(0, len(rest), 3)]
    made = op.QuantizeLinear(op.Concat(*parts, **node.attributes), scale, zero)
    made.dtype = zero.dtype
    return made


@microsoft("QLinearWhere")
def q_linear_where(node, op):
    condition, x, x_scale, x_zero, y, y_scale, y_zero, scale, zero = node.inputs
    chosen = op.Where(condition, op.DequantizeLinear(x, x_scale, x_zero), op.DequantizeLinear(y, y_scale, y_zero))
    made = op.QuantizeLinear(chosen, scale, zero)
    made.dtype = x.dtype
    return made


@microsoft("QGemm")
def q_gemm(node, op):
    """Its result is real where no scale of it is given."""
    a, a_scale, a_zero, b, b_scale, b_zero, bias, scale, zero = optional(node, 9)
    across = 0 if node.attributes.get_int("transB", 0) else 1
    inputs = [op.DequantizeLinear(a, a_scale, a_zero), op.DequantizeLinear(b, b_scale, b_zero, axis=across)]
    if bias:
        inputs.append(op.DequantizeLinear(bias, integers.product(op, a_scale, b_scale), axis=0))
    made = op.Gemm(*inputs, **node.attributes)
    made.dtype = a_scale.dtype
    return op.QuantizeLinear(made, scale, zero) if scale else made


@microsoft("DynamicQuantizeMatMul")
def dynamic_quantize_mat_mul(node, op):
    a, b, b_scale, b_zero, bias = optional(node, 5)
    numbers, scale, zero = op.DynamicQuantizeLinear(a, outputs=3)
    made = op.Mul(
        op.MatMul(integers.as_floats(op, numbers, zero), integers.as_floats(op, b, b_zero)), op.Mul(scale, b_scale)
    )
    return op.Add(made, bias) if bias else made


@microsoft("MatMulIntegerToFloat")
def mat_mul_integer_to_float(node, op):
    a, b, a_scale, b_scale, a_zero, b_zero, bias = optional(node, 7)
    made = op.Mul(
        op.MatMul(integers.as_floats(op, a, a_zero), integers.as_floats(op, b, b_zero)), op.Mul(a_scale, b_scale)
    )
    if bias:
        made = op.Add(made, bias)
    made.dtype = a_scale.dtype
    return made


@microsoft("DynamicQuantizeLSTM", "QAttention", "QEmbedLayerNormalization")
def no_form(node, _):
    raise refused(node, "quantizes to its inputs' ranges inside: say it in floats, and quantize the converted file")


def _check_channels_first(node):
    if node.attributes.get_int("channels_last", 0):
        raise refused(node, "has the channels last: it was optimized for one processor")
