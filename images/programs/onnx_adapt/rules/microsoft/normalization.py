"""Normalization with what onnxruntime fuses before it."""

import onnx
import onnx_ir as ir

from .registry import like_first, microsoft, number, optional, refused, type_of

# Where a node says none: that of ONNX's operator, and that of the fused ones.
EPSILON, FUSED_EPSILON = 1e-5, 1e-12


@microsoft("LayerNormalization", types=like_first)
def layer_normalization(node, op):
    """That of onnxruntime, from before ONNX had one."""
    x, scale, bias = optional(node, 3)
    return _layer(node, op, x, scale, bias, _axes(node, x))[: len(node.outputs)]


@microsoft("SimplifiedLayerNormalization", types=like_first)
def simplified_layer_normalization(node, op):
    x, scale = node.inputs
    scaled, deviation = _root_mean_square(node, op, x, scale, _axes(node, x))
    return [scaled, op.Reciprocal(deviation)][: len(node.outputs)]


def _like_first_and_sum(context):
    like = type_of(context, 0)
    return [like, (0, None), (0, None), like]


@microsoft("SkipLayerNormalization", types=_like_first_and_sum)
def skip_layer_normalization(node, op):
    x, skip, scale, bias, added = optional(node, 5)
    total = _sum(op, x, skip, added)
    return [*_layer(node, op, total, scale, bias), total][: len(node.outputs)]


@microsoft("SkipSimplifiedLayerNormalization", types=_like_first_and_sum)
def skip_simplified_layer_normalization(node, op):
    x, skip, scale, added = optional(node, 4)
    total = _sum(op, x, skip, added)
    scaled, deviation = _root_mean_square(node, op, total, scale)
    return [scaled, op.ReduceMean(total, axes=[-1]), op.Reciprocal(deviation), total][: len(node.outputs)]


@microsoft("EmbedLayerNormalization")
def embed_layer_normalization(node, op):
    """The sum of the embeddings of words, positions and segments, normalized."""
    ids, segments, words, positions, segment_rows, scale, bias, mask, position_ids = optional(node, 9)
    if position_ids:
        rows = op.Gather(positions, position_ids)
    else:
        zero, one = (op.constant([at], "int64") for at in (0, 1))
        rows = op.Slice(positions, zero, op.Gather(op.Shape(ids), one), zero)
    total = op.Add(op.Gather(words, ids), rows)
    if segments:
        total = op.Add(total, op.Gather(segment_rows, segments))
    normalized, *_ = _layer(node, op, total, scale, bias)
    normalized.dtype = total.dtype = words.dtype
    return [normalized, _lengths(op, ids, mask), total][: len(node.outputs)]


def _lengths(op, ids, mask):
    """How many ones each row of a mask has; 0 where there is none."""
    counted = op.Equal(mask, op.constant(1, "int32")) if mask else op.Less(ids, ids)
    ones = op.Cast(counted, to=onnx.TensorProto.INT32)
    lengths = op.ReduceSum(ones, op.constant([1], "int64"), keepdims=0)
    lengths.shape, lengths.dtype = ir.Shape([None]), ir.DataType.INT32
    return lengths


def _sum(op, x, skip, added):
    total = op.Add(x, skip)
    return op.Add(total, added) if added else total


def _axes(node, x):
    axis = node.attributes.get_int("axis", -1)
    if axis >= 0 and x.shape is None:
        raise refused(node, "normalizes a tensor of which nothing says how many dimensions it has")
    return list(range(axis if axis < 0 else axis - len(x.shape), 0))


def _layer(node, op, x, scale, bias, axes=(-1,)):
    """What LayerNormalization returns: the mean is taken off before squaring, which keeps the digits of large means."""
    mean = op.ReduceMean(x, axes=axes)
    centred = op.Sub(x, mean)
    variance = op.ReduceMean(op.Mul(centred, centred), axes=axes)
    deviation = op.Sqrt(op.Add(variance, _epsilon(node, op, scale)))
    scaled = op.Mul(op.Div(centred, deviation), scale)
    return [op.Add(scaled, bias) if bias else scaled, mean, op.Reciprocal(deviation)]


def _root_mean_square(node, op, x, scale, axes=(-1,)):
    mean = op.ReduceMean(op.Mul(x, x), axes=axes)
    deviation = op.Sqrt(op.Add(mean, _epsilon(node, op, scale)))
    return op.Mul(op.Div(x, deviation), scale), deviation


def _epsilon(node, op, like):
    default = EPSILON if node.op_type in ("LayerNormalization", "SimplifiedLayerNormalization") else FUSED_EPSILON
    return number(op, node.attributes.get_float("epsilon", default), like)
