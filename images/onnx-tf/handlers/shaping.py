"""Reshape and Flatten, to shapes that are known when the model is translated."""

import numpy as np
import tensorflow as tf

from handlers.handler import handles


@handles("Reshape")
def reshape(node, values):
    x = values[node.inputs[0]]
    shape = values.parameter(node, 1, "shape")
    if tf.is_tensor(shape):
        return [tf.reshape(x, shape)]
    # ONNX's 0 keeps the dimension of the input.
    return [tf.reshape(x, [x.shape[index] if size == 0 else int(size) for index, size in enumerate(shape)])]


@handles("Flatten")
def flatten(node, values):
    x = values[node.inputs[0]]
    axis = node.attrs.get("axis", 1)
    shape = x.shape.as_list()
    return [tf.reshape(x, [int(np.prod(shape[:axis])), int(np.prod(shape[axis:]))])]
