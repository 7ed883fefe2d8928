"""Clip. Relu, Sigmoid and the like are onnx-tf's."""

import tensorflow as tf

from handlers.handler import UnsupportedError, handles


@handles("Clip")
def clip(node, values):
    x = values[node.inputs[0]]
    low = _bound(values.parameter(node, 1, "min"))
    high = _bound(values.parameter(node, 2, "max"))
    # TFLite fuses these two into the operator before them.
    if x.dtype.is_floating and low == 0 and high == 6:
        return [tf.nn.relu6(x)]
    if x.dtype.is_floating and low == 0 and (high is None or high >= x.dtype.max):
        return [tf.nn.relu(x)]
    if low is not None:
        x = tf.maximum(x, tf.constant(low, x.dtype))
    if high is not None:
        x = tf.minimum(x, tf.constant(high, x.dtype))
    return [tf.identity(x)]


def _bound(value):
    if tf.is_tensor(value):
        raise UnsupportedError("its bounds are computed by the model", "make the bounds constants of the model")
    return None if value is None else float(value)
