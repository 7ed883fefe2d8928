"""Operators of PyTorch that its dynamo exporter has no ONNX for, for some ranks alone, or another meaning.

At a ValueError of theirs the other exporter of torch is tried.
"""

import math
from typing import Optional

import onnx_ir
import torch
from onnxscript import opset18 as op
from onnxscript.function_libs.torch_lib.ops import core, nn

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


def avg_pool2d(
    x,
    kernel_size,
    stride=(),
    padding=(0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Optional[int] = None,
):
    """The mean of each window, by its size; torch's own forgets another divisor."""
    if divisor_override is None:
        return nn.aten_avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
    if ceil_mode:
        raise ValueError("its divisor_override goes with no ceil_mode")
    size = math.prod(kernel_size) ** (2 // len(kernel_size))
    return op.Mul(nn.aten_avg_pool2d(x, kernel_size, stride, padding), size / divisor_override)


def scatter_reduce(x, dim: int, index, src, reduce: str, include_self: bool = True):
    """The mean is a sum over a count; torch's own overwrites in place of it."""
    if reduce != "mean":
        return core.aten_scatter_reduce(x, dim, index, src, reduce, include_self)
    if not x.dtype.is_floating_point():
        raise ValueError("the mean of integers")
    total, count = (
        core.aten_scatter_reduce(place, dim, index, update, "sum", include_self)
        for place, update in ((x, src), (_ones(x), _ones(src)))
    )
    return op.Div(total, count)


def _ones(like):
    ones = op.ConstantOfShape(op.Shape(like), value=onnx_ir.tensor([1], dtype=like.dtype))
    ones.shape, ones.dtype = like.shape, like.dtype
    return ones


TABLE = {
    torch.ops.aten.avg_pool2d.default: avg_pool2d,
    torch.ops.aten.lgamma.default: lgamma,
    torch.ops.aten.repeat_interleave.Tensor: repeat_interleave,
    torch.ops.aten.scaled_dot_product_attention.default: attention,
    torch.ops.aten.scatter_reduce.two: scatter_reduce,
}
