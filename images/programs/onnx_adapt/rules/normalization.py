"""Normalization by mean and deviation.

ONNX's own function bodies take the mean of squares less the square of the mean, which has no digits left where the mean
is a thousand times the deviation; these take the mean of the squared distances from the mean.
"""

from .rule import rule


@rule("LayerNormalization", since=17)
def layer_normalization(node, op):
    x, scale, bias, *_ = [*node.inputs, None, None]
    rank = len(x.shape)
    first = node.attributes.get_int("axis", -1)
    axes = list(range(first % rank, rank))
    mean = op.ReduceMean(x, axes=axes)
    centred = op.Sub(x, mean)
    variance = op.ReduceMean(op.Mul(centred, centred), axes=axes)
    deviation = op.Sqrt(op.Add(variance, op.constant(node.attributes.get_float("epsilon", 1e-5), "float32")))
    scaled = op.Mul(op.Div(centred, deviation), scale)
    return [op.Add(scaled, bias) if bias else scaled, mean, op.Reciprocal(deviation)][: len(node.outputs)]
