"""QuantizeLinear and DequantizeLinear, of uint8, in float32."""

import tensorflow as tf

from handlers.handler import handles


@handles("QuantizeLinear")
def quantize(node, values):
    x = values[node.inputs[0]]
    scale, point, dtype = _parameters(node, values, x)
    return [tf.cast(tf.clip_by_value(tf.round(x / scale) + point, dtype.min, dtype.max), dtype)]


@handles("DequantizeLinear")
def dequantize(node, values):
    x = values[node.inputs[0]]
    scale, point, _ = _parameters(node, values, x)
    return [(tf.cast(x, tf.float32) - point) * scale]


def _parameters(node, values, x):
    """Scale and zero point as they broadcast, and the dtype of what is quantized."""
    scale, *points = [tensor for tensor in values.inputs(node)[1:] if tensor is not None]
    dtype = points[0].dtype if points else tf.uint8
    shape = [1] * x.shape.rank
    if scale.shape.num_elements() > 1:
        shape[node.attrs.get("axis", 1)] = -1
    point = tf.reshape(tf.cast(points[0], tf.float32), shape) if points else 0.0
    return tf.reshape(scale, shape), point, dtype
