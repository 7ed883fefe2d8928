"""Dense layers with a scale for each channel, where the target has them. TensorFlow 2.4.1 itself can't run them."""

import unittest

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_methods import dense, twice
from test_variants import Stage, placeholder, weights

from tflite_convert import conversion, flatbuffer
from tflite_convert.passes import editing

EIGHT, SIXTEEN = "dense-channels", "int16-dense-channels"
BOTH = (EIGHT, SIXTEEN)
DENSE = schema.BuiltinOperator.FULLY_CONNECTED


def looked_up():
    """A table of rows that is the weights of a layer, too."""
    ids, table = placeholder("ids", 1, 4, dtype=tf.int32), weights(10, 16)
    rows = tf.reduce_mean(tf.gather(table, ids), 1)
    return {"ids": ids}, {"scores": tf.matmul(rows, table, transpose_b=True, name="scores")}


def faint():
    """A channel of weights that are next to 0, and a bias that is not."""
    x, filters = placeholder("x", 1, 8), np.random.RandomState(0).normal(size=(8, 4)).astype(np.float32)
    filters[:, 2] *= 1e-12
    return {"x": x}, {"scores": tf.nn.bias_add(tf.matmul(x, filters), np.float32([1, 2, 3, 4]), name="scores")}


class Layer:
    """A dense layer of a file: its tensors, and their numbers."""

    def __init__(self, model, operator):
        tensors = model.subgraphs[0].tensors
        self.read, self.weights = (tensors[at] for at in operator.inputs[:2])
        self.bias = tensors[operator.inputs[2]] if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
        self.integers = editing.numbers(model, self.weights).reshape(self.weights.shape)
        self.biases = None if self.bias is None else editing.numbers(model, self.bias)


class DenseScales(Stage):
    def layers(self, variant, has=BOTH, **method):
        """Those of a file, which is made."""
        conversion.opened.cache_clear()
        wanted = {"quantization": method} if method else {}
        self.told = self.convert(variant, self.seeded(8), has=has, **wanted)
        model = flatbuffer.unpacked(self.content(variant))
        return [Layer(model, operator) for _, operator, kind in editing.operators(model) if kind == DENSE]

    def floats(self):
        self.convert("float32")
        model = flatbuffer.unpacked(self.content("float32"))
        return [Layer(model, operator) for _, operator, kind in editing.operators(model) if kind == DENSE]

    def test_weights_and_biases_are_rounded_by_channel(self):
        for variant, bias in (("int8", np.int32), ("int8-only", np.int32), ("int16x8", np.int64)):
            with self.subTest(variant):
                self.setUp()
                self.save(dense)
                for found, floats in zip(self.layers(variant), self.floats()):
                    scales = np.abs(floats.integers).max(axis=1) / np.float32(127)
                    np.testing.assert_array_equal(scales, found.weights.quantization.scale)
                    np.testing.assert_array_equal(np.round(floats.integers / scales[:, None]), found.integers)
                    steps = scales * np.float64(found.read.quantization.scale[0])
                    np.testing.assert_allclose(steps, found.bias.quantization.scale, rtol=1e-6)
                    self.assertEqual(bias, found.biases.dtype)
                    np.testing.assert_allclose(floats.biases / steps, found.biases, rtol=0, atol=0.51)
                    for tensor in (found.weights, found.bias):
                        self.assertFalse(tensor.quantization.zeroPoint.any())
                        self.assertEqual(0, tensor.quantization.quantizedDimension)
                self.assertEqual(2 * 2, self.told["quantization"]["per_channel"])

    def test_a_target_may_have_them_beside_some_activations_alone(self):
        self.save(dense)
        for variant, has, channels in (
            ("int8", (), 1),
            ("int8", (EIGHT,), 8),
            ("int8", (SIXTEEN,), 1),
            ("int16x8", (EIGHT,), 1),
            ("int16x8", (SIXTEEN,), 8),
        ):
            with self.subTest(variant + " " + " ".join(has)):
                first, _ = self.layers(variant, has)
                self.assertEqual(channels, len(first.weights.quantization.scale))

    def test_the_same_file_twice(self):
        self.save(dense)
        self.layers("int8", round="adaptive", correct_bias=True, equalize=True, weight_ranges="mse")
        first = self.content("int8")
        self.layers("int8", round="adaptive", correct_bias=True, equalize=True, weight_ranges="mse")
        self.assertEqual(first, self.content("int8"))

    def test_weights_that_two_layers_share_stay_one(self):
        self.save(twice)
        one, other = self.layers("int8")
        self.assertIs(one.weights, other.weights)
        self.assertEqual(8, len(one.weights.quantization.scale))

    def test_a_table_that_others_read_keeps_its_scale(self):
        self.save(looked_up)
        (layer,) = self.layers("int8")
        self.assertEqual(10, len(layer.weights.quantization.scale))
        model = flatbuffer.unpacked(self.content("int8"))
        (table,) = [
            model.subgraphs[0].tensors[operator.inputs[0]]
            for _, operator, kind in editing.operators(model)
            if kind == schema.BuiltinOperator.GATHER
        ]
        self.assertEqual(1, len(table.quantization.scale))

    def test_a_bias_that_is_large_beside_its_weights(self):
        self.save(faint)
        (layer,) = self.layers("int8")
        steps = layer.bias.quantization.scale.astype(np.float64)
        np.testing.assert_array_less(np.abs(layer.biases * steps - [1, 2, 3, 4]), steps * 0.51 + 1e-6)

    def test_layers_that_stay_in_floats(self):
        self.save(dense)
        first, last = self.layers("int8", keep_float=["scores"])
        self.assertEqual((np.int8, np.float32), (first.integers.dtype, last.integers.dtype))
        self.assertEqual(8, len(first.weights.quantization.scale))

    def test_weights_are_cut_by_channel(self):
        self.save(dense)
        for layer, floats in zip(self.layers("int8", weight_ranges="percentile=75"), self.floats()):
            ends = np.percentile(np.abs(floats.integers), 75, axis=1) / 127
            np.testing.assert_allclose(layer.weights.quantization.scale, ends, rtol=1e-5)


if __name__ == "__main__":
    unittest.main()
