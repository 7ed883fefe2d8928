"""Normalizations, as they are at inference."""

import numpy as np
import tensorflow as tf

from . import channels, volume
from .broadcasting import broadcast, in_a_row
from .handler import UnsupportedError, handles

SMALLEST = np.finfo(np.float32).tiny


@handles("BatchNormalization")
def batch_normalization(node, values):
    """A multiplication and an addition with constants, as far as they change anything."""
    x = values[node.inputs[0]]
    statistics = [values.constant(name) for name in node.inputs[1:]]
    if any(array is None for array in statistics):
        raise UnsupportedError("its statistics are computed by the model", "export the model in evaluation mode")
    scale, offset, mean, variance = [array.astype(np.float64) for array in statistics]
    factor = scale / np.sqrt(variance + node.attrs.get("epsilon", 1e-5))
    offset = offset - mean * factor
    if x.shape.rank != 5:
        return [_scaled(x, factor, offset, [-1 if dimension == 1 else 1 for dimension in range(x.shape.rank)])]
    # The converter aborts at some constants of five dimensions.
    return [volume.from_frames(_scaled(volume.to_frames(x, values.volumes), factor, offset, [-1]), x.shape[0])]


def _scaled(x, factor, offset, shape):
    """``factor`` and ``offset`` are vectors, which ``shape`` lays along the channels."""
    factor, offset = (vector.astype(x.dtype.as_numpy_dtype).reshape(shape) for vector in (factor, offset))
    if np.any(factor != 1):
        x *= factor
    return x + offset if np.any(offset) else x


@handles("InstanceNormalization")
def instance_normalization(node, values):
    x, scale, offset = values.inputs(node)
    shape = x.shape.as_list()
    if len(shape) != 4:
        # TFLite's operators broadcast over four dimensions.
        x = tf.reshape(x, [*shape[:2], 1, int(np.prod(shape[2:]))])
    centered = x - tf.reduce_mean(x, [2, 3], keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), [2, 3], keepdims=True)
    scale, offset = (tf.reshape(vector, [1, -1, 1, 1]) for vector in (scale, offset))
    factor = tf.math.rsqrt(variance + node.attrs.get("epsilon", 1e-5)) * scale
    normalized = centered * factor + offset
    return [normalized if len(shape) == 4 else tf.reshape(normalized, shape)]


@handles("MeanVarianceNormalization")
def mean_variance_normalization(node, values):
    x = values[node.inputs[0]]
    axes = node.attrs.get("axes", [0, 2, 3])
    centered = x - tf.reduce_mean(x, axes, keepdims=True)
    deviation = tf.sqrt(tf.reduce_mean(tf.square(centered), axes, keepdims=True))
    return [centered / (deviation + 1e-9)]


@handles("LpNormalization")
def lp_normalization(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", -1)
    if node.attrs.get("p", 2) == 1:
        norm = tf.reduce_sum(tf.abs(x), axis, keepdims=True)
    else:
        norm = tf.sqrt(tf.reduce_sum(tf.square(x), axis, keepdims=True))
    # What is all zeros stays so.
    return [broadcast(tf.divide, x, in_a_row(lambda norm: tf.maximum(norm, SMALLEST), norm))]


@handles("LRN")
def local_response_normalization(node, values):
    x = values[node.inputs[0]]
    shape, size = x.shape.as_list(), node.attrs["size"]
    bias, alpha, beta = node.attrs.get("bias", 1.0), node.attrs.get("alpha", 1e-4) / size, node.attrs.get("beta", 0.75)
    image = x if len(shape) == 4 else tf.reshape(x, [*shape[:2], int(np.prod(shape[2:])), 1])
    before, after = (size - 1) // 2, size // 2
    if before == after:
        found = channels.last(image, lambda image: tf.nn.local_response_normalization(image, before, bias, alpha, beta))
    else:
        squares = tf.pad(tf.square(image), [(0, 0), (before, after), (0, 0), (0, 0)])
        total = sum(squares[:, first : first + shape[1]] for first in range(size))
        found = image / tf.pow(bias + alpha * total, beta)
    return [found if len(shape) == 4 else tf.reshape(found, shape)]
