"""Normalization by mean and deviation.

ONNX's own function bodies take the mean of squares less the square of the mean, which has no digits left where the mean
is a thousand times the deviation; these take the mean of the squared distances from the mean.
"""

import onnx_ir as ir

from .rule import UnsupportedError, inputs, rank, rule, sizes

# The opset from which on GroupNormalization has a scale and a bias of each channel; before, of each group.
OF_CHANNELS = 21


@rule("LayerNormalization", since=17)
def layer_normalization(node, op):
    x, scale, bias = inputs(node, 3)
    axes = list(range(node.attributes.get_int("axis", -1) % rank(x), rank(x)))
    stash = ir.DataType(node.attributes.get_int("stash_type", ir.DataType.FLOAT.value))
    normalized, mean, deviation = _normalized(op, op.cast(x, stash), axes, node.attributes.get_float("epsilon", 1e-5))
    scaled = op.Mul(op.cast(normalized, x.dtype), scale)
    return [op.Add(scaled, bias) if bias else scaled, mean, op.Reciprocal(deviation)][: len(node.outputs)]


@rule("GroupNormalization", since=(18, 21))
def group_normalization(node, op):
    x, scale, bias = node.inputs
    groups, (channels,) = node.attributes.get_int("num_groups"), sizes(x, 1)
    stash = ir.DataType(node.attributes.get_int("stash_type", ir.DataType.FLOAT.value))
    grouped = op.Reshape(op.cast(x, stash), op.constant([0, groups, -1], "int64"))
    normalized, _, _ = _normalized(op, grouped, [2], node.attributes.get_float("epsilon", 1e-5))
    normalized = op.cast(normalized, x.dtype)
    shape = [1, channels, *[1] * (rank(x) - 2)]
    if op.opset < OF_CHANNELS:
        shape = [1, groups, 1]
        return op.Reshape(op.Add(op.Mul(normalized, _as(op, scale, shape)), _as(op, bias, shape)), op.shape(x))
    normalized = op.Reshape(normalized, op.shape(x))
    return op.Add(op.Mul(normalized, _as(op, scale, shape)), _as(op, bias, shape))


def _as(op, x, shape):
    return op.Reshape(x, op.constant(shape, "int64"))


@rule("MeanVarianceNormalization", since=(9, 13))
def mean_variance_normalization(node, op):
    (x,) = node.inputs
    axes = list(node.attributes.get_ints("axes", [0, 2, 3]))
    centred = op.Sub(x, op.ReduceMean(x, axes=axes))
    deviation = op.Sqrt(op.ReduceMean(op.Mul(centred, centred), axes=axes))
    return op.Div(centred, op.Add(deviation, op.constant(1e-9, like=x)))


def _normalized(op, x, axes, epsilon):
    """X by its mean and deviation along axes, and these two."""
    mean = op.ReduceMean(x, axes=axes)
    centred = op.Sub(x, mean)
    variance = op.ReduceMean(op.Mul(centred, centred), axes=axes)
    deviation = op.Sqrt(op.Add(variance, op.constant(epsilon, like=x)))
    return op.Div(centred, deviation), mean, deviation


@rule("BatchNormalization", since=(14, 15))
def batch_normalization(node, op):
    if node.attributes.get_int("training_mode", 0):
        raise UnsupportedError("it is in training mode", "export the model in evaluation mode: model.eval()")
    x, *parameters = node.inputs
    for index, value in enumerate(parameters, 1):
        node.replace_input_with(index, op.cast(value, x.dtype))
    node.graph.insert_before(node, op.nodes)
