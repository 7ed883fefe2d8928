"""What files cost to run, counted by hand."""

import unittest

import numpy as np
import tensorflow as tf

from tflite_convert import cost, file_tables


def ones(*shape):
    return tf.constant(np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1)


# Of an input, what is computed of it; the multiplications, and the numbers that the file keeps.
FORMS = {
    "convolution": ([1, 8, 8, 3], lambda x: tf.nn.conv2d(x, ones(3, 3, 3, 5), 2, "SAME"), 4 * 4 * 5 * 27, 135 + 5),
    "depthwise": ([1, 8, 8, 3], lambda x: tf.nn.depthwise_conv2d(x, ones(3, 3, 3, 2), [1] * 4, "SAME"), 3456, 54 + 6),
    "dense": ([4, 7], lambda x: tf.matmul(x, ones(7, 5)) + ones(5), 4 * 5 * 7, 35 + 5),
    "product": ([2, 3, 4], lambda x: tf.matmul(x, x, transpose_b=True), 2 * 3 * 3 * 4, 0),
    "transposed product": ([2, 3, 4], lambda x: tf.matmul(x, x, transpose_a=True), 2 * 4 * 4 * 3, 0),
    "transposed convolution": (
        [1, 4, 4, 3],
        lambda x: tf.nn.conv2d_transpose(x, ones(2, 2, 5, 3), [1, 8, 8, 5], 2),
        4 * 4 * 3 * 2 * 2 * 5,
        60,
    ),
    "twice the same constant": ([2, 3], lambda x: (x + ones(3)) * ones(3), 0, 3),
    "no numbers of its own": ([1, 2, 2, 3], lambda x: tf.transpose(x, [0, 3, 1, 2]), 0, 0),
}


def made(shape, compute, optimize=False):
    function = tf.function(compute, input_signature=[tf.TensorSpec(shape, tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter([[np.ones(shape, np.float32)]])
    return converter.convert()


def cost_of(content):
    return cost.of(file_tables.File(content))


class Cost(unittest.TestCase):
    def test_forms(self):
        for name, (shape, compute, macs, parameters) in FORMS.items():
            with self.subTest(name):
                self.assertEqual({"macs": macs, "parameters": parameters}, cost_of(made(shape, compute)))

    def test_integers_count_as_the_floats_that_they_stand_for(self):
        for name in ("convolution", "depthwise", "dense"):
            with self.subTest(name):
                shape, compute, macs, parameters = FORMS[name]
                self.assertEqual({"macs": macs, "parameters": parameters}, cost_of(made(shape, compute, optimize=True)))
