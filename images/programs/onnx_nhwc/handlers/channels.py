"""TensorFlow operators that know images as NHWC only."""

import tensorflow as tf


def last(image, function):
    """The NCHW image that a function of the NHWC image returns. The layout pass takes the transposes out."""
    found = function(tf.transpose(image, [0, 2, 3, 1]))
    return tf.transpose(found, [0, 3, 1, 2])
