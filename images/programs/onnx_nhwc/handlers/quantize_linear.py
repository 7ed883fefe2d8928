"""QuantizeLinear and DequantizeLinear, of int8 and uint8, in float32."""

import numpy as np
import tensorflow as tf

from .handler import UnsupportedError, handles


@handles("QuantizeLinear")
def quantize(node, values):
    x = values[node.inputs[0]]
    scale, point, dtype = _parameters(node, values, x)
    quantized = tf.cast(tf.clip_by_value(tf.round(x / scale) + point, dtype.min, dtype.max), dtype)
    limits = _range(node, values, dtype)
    if limits:
        values.ranges[node.outputs[0]] = (x, *limits)
    return [quantized]


@handles("DequantizeLinear")
def dequantize(node, values):
    x = values[node.inputs[0]]
    scale, point, dtype = _parameters(node, values, x)
    plain, *limits = values.ranges.get(node.inputs[0], (None,))
    if limits and tuple(limits) == _range(node, values, dtype):
        return [tf.quantization.fake_quant_with_min_max_vars(plain, *limits)]
    if dtype != tf.uint8 and values.constant(node.inputs[0]) is None:
        raise UnsupportedError(
            "it has another scale than the QuantizeLinear before it, of {}".format(dtype.name),
            "give both one constant scale and zero point, or quantize to uint8",
        )
    return [(tf.cast(x, tf.float32) - point) * scale]


def _range(node, values, dtype):
    """The smallest and the largest of a tensor's numbers, where they are known now and hold for all of it.

    A pair of both operators is then one of TensorFlow's, from which TFLite's converter reads the range.
    """
    scale, point, *_ = [*(values.constant(name) for name in node.inputs[1:] if name), np.zeros(1)]
    if scale is None or point is None or np.size(scale) > 1:
        return None
    scale, point = float(np.reshape(scale, ())), int(np.reshape(point, ()))
    low, high = dtype.min - point, dtype.max - point
    # The converter's scale is the width of the range over the steps. The end that is nearer to zero has the finer
    # floats: it makes up for what the other one is rounded by, and the scale comes out as the model's, to the last bit.
    if -low > high:
        lowest = float(np.float32(low * scale))
        return lowest, float(np.float32(lowest + (high - low) * scale))
    highest = float(np.float32(high * scale))
    return float(np.float32(highest - (high - low) * scale)), highest


def _parameters(node, values, x):
    """Scale and zero point as they broadcast, and the dtype of what is quantized."""
    scale, *points = [tensor for tensor in values.inputs(node)[1:] if tensor is not None]
    dtype = points[0].dtype if points else tf.uint8
    shape = [1] * x.shape.rank
    if scale.shape.num_elements() > 1:
        shape[node.attrs.get("axis", 1)] = -1
    point = tf.reshape(tf.cast(points[0], tf.float32), shape) if points else 0.0
    return tf.reshape(scale, shape), point, dtype
