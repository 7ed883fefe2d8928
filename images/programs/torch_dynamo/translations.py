"""Operators of PyTorch that its dynamo exporter has no ONNX for, or for some ranks alone."""

import math
from typing import Optional

import onnx_ir
import torch
from onnxscript import opset18 as op
from onnxscript.function_libs.torch_lib.ops import nn

# From here on Stirling's series is as good as float32.
SERIES_FROM = 7.0
STEPS = 6


def attention(
    query,
    key,
    value,
    attn_mask=None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Optional[float] = None,
    enable_gqa: bool = False,
):
    """scaled_dot_product_attention of any rank up to 4, the only one that torch's own takes."""
    axes = list(range(4 - len(query.shape)))
    if axes:
        query, key, value = (_raised(each, axes) for each in (query, key, value))
    found = nn.aten_scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    if attn_mask is not None and attn_mask.dtype == onnx_ir.DataType.BOOL:
        # Torch gives 0 where all is masked, torch's exporter the mean.
        found = op.Mul(found, op.CastLike(op.ReduceMax(op.CastLike(attn_mask, found), [-1]), found))
    return op.Squeeze(found, axes) if axes else found


def _raised(value, axes):
    """A value with new first axes, whose shape and type torch's own asks for."""
    raised = op.Unsqueeze(value, axes)
    raised.shape = onnx_ir.Shape([*(1 for _ in axes), *value.shape])
    raised.dtype = value.dtype
    return raised


def lgamma(x):
    """Below 1/2 that of 1 - x, reflected; from there on Stirling's series, to which small numbers are raised."""
    reflected = op.Less(x, 0.5)
    above = op.Where(reflected, op.Sub(1.0, x), x)
    small = op.Less(above, SERIES_FROM)
    steps = op.Min(above, SERIES_FROM)
    product = steps
    for step in range(1, STEPS):
        product = op.Mul(product, op.Add(steps, float(step)))
    raised = op.Where(small, op.Add(above, float(STEPS)), above)
    inverse = op.Reciprocal(raised)
    square = op.Mul(inverse, inverse)
    series = op.Mul(inverse, op.Sub(1 / 12, op.Mul(square, op.Sub(1 / 360, op.Mul(square, 1 / 1260)))))
    whole = op.Sub(op.Mul(op.Sub(raised, 0.5), op.Log(raised)), op.Sub(raised, 0.5 * math.log(2 * math.pi)))
    found = op.Sub(op.Add(whole, series), op.Where(small, op.Log(product), 0.0))
    sine = op.Abs(op.Sin(op.Mul(op.Sub(x, op.Round(x)), math.pi)))
    return op.Where(reflected, op.Sub(math.log(math.pi), op.Add(op.Log(sine), found)), found)


def repeat_interleave(repeats, output_size: int):
    """Each place as often as it is to be repeated; torch's own takes no size of the output, which a program has."""
    ends, places = op.CumSum(repeats, 0), op.Range(0, output_size, 1)
    behind = op.LessOrEqual(op.Unsqueeze(ends, [0]), op.Unsqueeze(places, [1]))
    return op.ReduceSum(op.Cast(behind, to=onnx_ir.DataType.INT64), [1], keepdims=0)


TABLE = {
    torch.ops.aten.lgamma.default: lgamma,
    torch.ops.aten.repeat_interleave.Tensor: repeat_interleave,
    torch.ops.aten.scaled_dot_product_attention.default: attention,
}
