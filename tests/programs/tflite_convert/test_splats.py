import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from test_convert import save_frozen

from stagekit import wire
from tflite_convert import conversion, splats
from tflite_convert.saved_model import SavedModel

RANDOM = np.random.RandomState(0)


def weight(*shape):
    return tf.constant(RANDOM.normal(size=shape).astype(np.float32))


def image(channels):
    return tf.compat.v1.placeholder(tf.float32, [1, 8, 8, channels], "x")


def rows(width):
    return tf.compat.v1.placeholder(tf.float32, [4, width], "x")


def convolutions(x):
    bias = tf.constant(RANDOM.normal(size=32).astype(np.float32))
    y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, weight(3, 5, 16, 32), [1, 2, 1, 1], "SAME"), bias))
    y = tf.nn.relu6(tf.nn.depthwise_conv2d(y, weight(3, 3, 32, 1), [1, 1, 1, 1], "VALID"))
    y = tf.nn.depthwise_conv2d(y, weight(3, 3, 32, 2), [1, 1, 1, 1], "SAME")
    y = tf.nn.conv2d(y, weight(1, 1, 64, 32), 1, "SAME")
    y = tf.nn.conv2d(y, weight(2, 3, 32, 32), 1, "SAME", dilations=2)
    return tf.nn.conv2d_transpose(y, weight(3, 2, 24, 32), [1, *(2 * size for size in y.shape[1:3]), 24], 2, "SAME")


def dense(x):
    y = tf.nn.bias_add(tf.matmul(x, weight(32, 48)), tf.constant(RANDOM.normal(size=48).astype(np.float32)))
    y = tf.matmul(tf.nn.relu(y), weight(48, 48))
    y = tf.matmul(y, weight(48, 48), transpose_b=True)
    return tf.matmul(weight(40, 48), y, transpose_b=True) + tf.matmul(y, weight(48, 4))[0]


def table(x):
    words = weight(50, 32)
    found = tf.gather(words, tf.cast(x, tf.int32))
    return tf.matmul(tf.reshape(found, [-1, 32]), words, transpose_b=True)


def multiplied(x):
    """Into the weights of the first two layers the converter multiplies what follows them."""
    scale = tf.constant(RANDOM.uniform(1, 2, 32).astype(np.float32))
    y = tf.nn.conv2d(x, weight(3, 3, 16, 32), 1, "SAME") * scale + 1.0
    y = tf.nn.depthwise_conv2d(y, weight(3, 3, 32, 1), [1, 1, 1, 1], "SAME") * scale
    return tf.nn.conv2d(y, weight(3, 3, 32, 8), 1, "SAME")


def shared(x):
    """One constant for two layers, equal constants, and one that equals another one turned around."""
    kernel = RANDOM.normal(size=(32, 32)).astype(np.float32)
    one = tf.constant(kernel)
    y = tf.matmul(tf.nn.tanh(tf.matmul(x, one)), one)
    y = tf.matmul(tf.nn.tanh(tf.matmul(y, tf.constant(kernel))), tf.constant(kernel), transpose_b=True)
    y = tf.matmul(y, tf.constant(kernel.T.copy())) + tf.matmul(y, weight(32, 32))
    twice, other = weight(32, 32), weight(32, 32)
    y = tf.matmul(tf.nn.tanh(tf.matmul(y, twice)), twice)
    return tf.matmul(tf.matmul(y, other), other, transpose_b=True) + tf.matmul(y, other + 1.0)


def uniform(x):
    """Weights that are splats themselves, and others that are not."""
    y = tf.matmul(x, tf.zeros([32, 32])) + tf.matmul(x, tf.constant(1.0000001, shape=[32, 32]))
    return tf.matmul(y, weight(32, 32))


# What there is: the input, its last size, the model, how many constants are splats at each run of the converter.
MODELS = {
    "convolutions": (image, 16, convolutions, [6]),
    "dense": (rows, 32, dense, [4]),
    "table": (rows, 32, table, [1]),
    "multiplied": (image, 16, multiplied, [3, 1]),
    "shared": (rows, 32, shared, [2]),
    "uniform": (rows, 32, uniform, [1]),
}


class Splats(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # In bytes, of what is large, as if they were millions.
        self.set(wire, LARGE=256)
        self.set(splats, LARGE=512, TOGETHER=0)

    def set(self, module, **values):
        patch = mock.patch.multiple(module, **values)
        patch.start()
        self.addCleanup(patch.stop)

    def opened(self, name):
        fed, size, build, _ = MODELS[name]

        def made():
            x = fed(size)
            return {"x": x}, {"y": tf.identity(build(x), "y")}

        save_frozen(self.folder / name, made)
        model = SavedModel(self.folder / name)
        sides = [
            [{"name": key, "key": key, "shape": [each.size for each in info.tensor_shape.dim], "dtype": "float32"}]
            for side in (model.inputs, model.outputs)
            for key, info in side.items()
        ]
        return conversion.Conversion(model, "builtin", False, *sides)

    def conversions(self, opened):
        """The file, and of how many constants splats were made at each run of the converter."""
        with mock.patch.object(splats, "_with_splats", wraps=splats._with_splats) as made:
            content = opened.convert()
        return content, [len(weights) for (_, weights), _ in made.call_args_list]

    def test_the_file_is_that_of_the_weights_as_they_are_to_the_last_byte(self):
        for name, (*_, expected) in MODELS.items():
            with self.subTest(name):
                opened = self.opened(name)
                content, runs = self.conversions(opened)
                self.assertEqual(runs, expected)
                with mock.patch.object(splats, "_weights", return_value=[]):
                    self.assertEqual(content, opened.convert())

    def test_small_models_have_no_splats(self):
        opened = self.opened("dense")
        for sizes in ({"LARGE": 48 * 48 * 4 + 1}, {"TOGETHER": 4 * 48 * 48 * 4}):
            with self.subTest(sizes), mock.patch.multiple(splats, **sizes):
                self.assertEqual(self.conversions(opened)[1], [])


if __name__ == "__main__":
    unittest.main()
