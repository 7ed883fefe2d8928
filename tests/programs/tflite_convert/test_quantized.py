"""Models that bring their own integers: what becomes of these, and what is said of those that TFLite can't have."""

import unittest

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_variants import Stage, placeholder

from stagekit import StageError
from tflite_convert import flatbuffer
from tflite_convert.passes import editing, weight_grids

STEP = 8 / 256
ranged = tf.quantization.fake_quant_with_min_max_vars


def rounded(tensor, low, name=None):
    return ranged(tensor, low, low + 255 * STEP, name=name)


def integers(*shape, most=90, seed=0):
    """Integers of which none is -128 or 127, and two neighbours say that they are multiples of 1."""
    found = np.random.RandomState(seed).randint(-most, most + 1, size=shape)
    found[:2] = np.broadcast_to(np.reshape([most, most - 1], [2] + [1] * (len(shape) - 1)), [2, *shape[1:]])
    return found


SCALES = np.float32([0.003, 0.05, 0.0007, 0.01, 0.02])


class Weights(Stage):
    def dense(self, scales):
        """A linear layer of integers [8, 5], with a bias."""
        return (integers(8, 5) * scales).astype(np.float32)

    def build(self, kernel):
        def built():
            x = placeholder("x", 1, 8)
            seen = tf.nn.bias_add(tf.matmul(rounded(x, -4), kernel), np.linspace(-1, 1, 5).astype(np.float32))
            return {"x": x}, {"y": rounded(seen, -4, "y")}

        return built

    def converted(self, kernel, variant="int8", has=()):
        self.save(self.build(kernel))
        result = self.convert(variant, quantized=True, has=has)
        return result, flatbuffer.unpacked(self.content(variant))

    def operators(self, model):
        return [kind for _, _, kind in editing.operators(model)]

    def test_integers_and_scales_of_one_scale_for_all(self):
        result, model = self.converted(self.dense(np.float32(0.003)))
        self.assertIn(schema.BuiltinOperator.FULLY_CONNECTED, self.operators(model))
        (weight,) = [tensor for tensor in model.subgraphs[0].tensors if tensor.shape.tolist() == [5, 8]]
        np.testing.assert_array_equal(editing.numbers(model, weight).reshape(5, 8), integers(8, 5).T)
        self.assertEqual([np.float32(0.003)], weight.quantization.scale.tolist())
        self.assertEqual([], result["warnings"])

    def test_a_scale_for_each_channel_of_a_linear_layer(self):
        kernel = self.dense(SCALES)
        result, model = self.converted(kernel)
        self.assertIn(schema.BuiltinOperator.CONV_2D, self.operators(model))
        self.assertNotIn(schema.BuiltinOperator.FULLY_CONNECTED, self.operators(model))
        (weight,) = [tensor for tensor in model.subgraphs[0].tensors if tensor.shape.tolist() == [5, 1, 1, 8]]
        np.testing.assert_array_equal(editing.numbers(model, weight).reshape(5, 8), integers(8, 5).T)
        np.testing.assert_array_equal(SCALES, weight.quantization.scale)
        x = np.linspace(-2, 2, 8, dtype=np.float32)[np.newaxis]
        sums = np.clip(np.round(x / STEP), -128, 127) * STEP @ kernel + np.linspace(-1, 1, 5)
        found = self.run_variant("int8", result, {"x": x})["y"]
        np.testing.assert_allclose(found, np.clip(np.round(sums / STEP), -128, 127) * STEP, atol=STEP / 2)

    def test_a_scale_for_each_channel_stays_where_the_target_has_it(self):
        _, model = self.converted(self.dense(SCALES), has=["dense-channels"])
        self.assertIn(schema.BuiltinOperator.FULLY_CONNECTED, self.operators(model))
        (weight,) = [tensor for tensor in model.subgraphs[0].tensors if tensor.shape.tolist() == [5, 8]]
        np.testing.assert_array_equal(editing.numbers(model, weight).reshape(5, 8), integers(8, 5).T)
        np.testing.assert_array_equal(SCALES, weight.quantization.scale)

    def test_weights_that_two_layers_share(self):
        def built():
            kernel = tf.constant(self.dense(np.float32(0.003)))
            x, z = placeholder("x", 1, 8), placeholder("z", 1, 8)
            seen = [rounded(tf.matmul(rounded(each, -4), kernel), -4, name) for each, name in ((x, "y"), (z, "w"))]
            return {"x": x, "z": z}, {"y": seen[0], "w": seen[1]}

        self.save(built)
        result = self.convert("int8", quantized=True)
        x = np.linspace(-2, 2, 8, dtype=np.float32)[np.newaxis]
        found = self.run_variant("int8", result, {"x": x, "z": x})
        np.testing.assert_array_equal(found["y"], found["w"])
        sums = np.round(x / STEP) * STEP @ self.dense(np.float32(0.003))
        np.testing.assert_allclose(found["y"], np.clip(np.round(sums / STEP), -128, 127) * STEP, atol=STEP / 2)

    def test_weights_that_are_no_integers_are_told_by_their_node(self):
        kernel = np.random.RandomState(0).normal(size=(8, 5)).astype(np.float32)
        (warning,) = self.converted(kernel)[0]["warnings"]
        self.assertIn("the weights of MatMul are rounded anew", warning)

    def test_a_step_is_found_where_there_is_one(self):
        for scale in SCALES:
            self.assertEqual(scale, weight_grids.step((integers(64) * scale).astype(np.float32)))
        self.assertEqual(np.float32(0.5), weight_grids.step(np.float32([-64, 63.5, 1])))
        self.assertIsNone(weight_grids.step(np.float32([64, 63.5, 1])))
        self.assertEqual(1, weight_grids.step(np.zeros(4, np.float32)))


class Operators(Stage):
    def test_a_scale_changes_by_an_operator_of_its_own(self):
        def build():
            x = placeholder("x", 1, 4, 4, 2)
            pooled = tf.nn.max_pool2d(rounded(x, -4), 2, 2, "VALID")
            parted = tf.nn.leaky_relu(pooled, 1 - 2.0**-24)
            return {"x": x}, {"y": ranged(parted, -1.0, 254 / 256 * 2 - 1.0, name="y")}

        self.save(build)
        result = self.convert("int8", quantized=True)
        self.assertEqual({"MAX_POOL_2D": {"int8": 1}}, result["quantization"]["integer_operators"])
        x = np.random.RandomState(0).normal(size=(1, 4, 4, 2)).astype(np.float32)
        found = self.run_variant("int8", result, {"x": x})["y"]
        expected = np.round(x / STEP).reshape(1, 2, 2, 2, 2, 2).max(axis=(2, 4)) * STEP
        np.testing.assert_allclose(found, np.clip(expected, -1, 0.99), atol=0.01)

    def test_floats_are_told_by_their_node(self):
        def build():
            x = placeholder("x", 1, 8)
            grown = tf.exp(rounded(x, -4), name="grown/Exp")
            return {"x": x}, {"y": tf.sin(grown, name="y")}

        self.save(build)
        (warning,) = self.convert("int8", quantized=True)["warnings"]
        self.assertIn("grown, y compute in floats", warning)

    def test_a_model_that_rounds_nothing_is_refused_without_samples(self):
        def build():
            x = placeholder("x", 1, 8)
            return {"x": x}, {"y": tf.add(x, 1.0, name="y")}

        self.save(build)
        with self.assertRaises(StageError) as caught:
            self.convert("int8", quantized=True)
        self.assertEqual("convert it with --dequantize and --calibration", caught.exception.hint)


if __name__ == "__main__":
    unittest.main()
