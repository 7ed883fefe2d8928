"""What integers may get wrong without a word: each judged by numpy."""

import functools
import unittest

import numpy as np
import tensorflow as tf
from test_variants import INTEGERS, Stage, placeholder, weights

from stagekit import StageError
from tflite_convert import flatbuffer

BIAS = np.float32([1.0, -2.0, 3.0, -0.5])
INF = np.float32(-np.inf)


def linear(x, kernel, bias):
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)


def convolution(x, kernel, bias):
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)


def by_channel(x, kernel, bias):
    return tf.nn.bias_add(tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID"), bias)


def upwards(x, kernel, bias):
    size = [1, 2 * x.shape[1], 2 * x.shape[2], 4]
    return tf.nn.bias_add(tf.nn.conv2d_transpose(x, kernel, size, 2, "VALID"), bias)


# Operators with a bias, the shapes of what they read and of their weights.
BIASED = {
    "linear": (linear, [1, 8], [8, 4]),
    "convolution": (convolution, [1, 4, 4, 3], [2, 2, 3, 4]),
    "by channel": (by_channel, [1, 4, 4, 4], [2, 2, 4, 1]),
    "upwards": (upwards, [1, 4, 4, 3], [2, 2, 4, 3]),
}


class Biases(Stage):
    """Two operators whose biases are one constant; what the second reads is a tenth as large."""

    def of_zeros(self, build, shape, variant):
        """What each operator gives of zeros: its bias."""
        self.setUp()
        self.save(build)
        stream = np.random.RandomState(0)
        samples = {name: stream.normal(size=[16, *shape]).astype(np.float32) for name in ("a", "b")}
        samples["b"] *= np.float32(0.1)
        zeros = {name: np.zeros(shape, np.float32) for name in samples}
        if variant == "int8-only":
            result = self.convert(variant, samples)
            zeros = {entry["name"]: np.full(shape, entry["zero_point"], entry["dtype"]) for entry in result["inputs"]}
        else:
            result = self.convert(variant, samples)
        return self.run_variant(variant, result, zeros)

    def check(self, build, shape, variant):
        for name, found in self.of_zeros(build, shape, variant).items():
            np.testing.assert_allclose(found, np.broadcast_to(BIAS, found.shape), atol=0.05, err_msg=name)

    def test_a_layer_that_is_used_twice(self):
        for kind, (operator, shape, kernel) in BIASED.items():

            def build(operator=operator, shape=shape, kernel=kernel):
                a, b = placeholder("a", *shape), placeholder("b", *shape)
                shared, bias = weights(*kernel), tf.constant(BIAS)
                return {"a": a, "b": b}, {
                    "y": tf.identity(operator(a, shared, bias), "y"),
                    "z": tf.identity(operator(b, shared, bias), "z"),
                }

            for variant in INTEGERS:
                with self.subTest(kind, variant=variant):
                    self.check(build, shape, variant)

    def test_layers_whose_biases_are_equal(self):
        for kind, (operator, shape, kernel) in BIASED.items():

            def build(operator=operator, shape=shape, kernel=kernel):
                a, b = placeholder("a", *shape), placeholder("b", *shape)
                return {"a": a, "b": b}, {
                    "y": tf.identity(operator(a, weights(*kernel), tf.constant(BIAS)), "y"),
                    "z": tf.identity(operator(b, weights(*kernel, seed=1), tf.constant(BIAS)), "z"),
                }

            with self.subTest(kind):
                self.check(build, shape, "int8")

    def test_a_bias_of_several_dimensions(self):
        def build():
            a, b = placeholder("a", 1, 4, 4, 3), placeholder("b", 1, 4, 4, 3)
            seen = [tf.nn.conv2d(x, weights(2, 2, 3, 4), 1, "VALID") for x in (a, b)]
            bias = BIAS.reshape(1, 1, 1, 4)
            return {"a": a, "b": b}, {"y": tf.add(seen[0], bias, name="y"), "z": tf.subtract(seen[1], -bias, name="z")}

        for variant in INTEGERS:
            with self.subTest(variant):
                self.check(build, [1, 4, 4, 3], variant)

    def test_a_bias_that_is_added_to_something_else_as_well(self):
        def build():
            a, b = placeholder("a", 1, 8), placeholder("b", 1, 8)
            bias = tf.constant(BIAS)
            return {"a": a, "b": b}, {
                "y": tf.add(tf.reshape(b, [2, 4]), bias, name="y"),
                "z": tf.identity(linear(a, weights(8, 4), bias), "z"),
            }

        self.check(build, [1, 8], "int8")


def scores(shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape, scale=3.0).astype(np.float32)


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class Masks(Stage):
    """Attention that is masked, in each way that models do it."""

    SHAPE = (1, 2, 6, 6)
    CAUSAL = np.triu(np.ones((6, 6), bool), 1)

    def added(self, value):
        x = placeholder("x", *self.SHAPE)
        mask = np.where(self.CAUSAL, value, np.float32(0)).astype(np.float32)
        return {"x": x}, {"y": tf.nn.softmax(x + mask, name="y")}

    def filled(self, value):
        x = placeholder("x", *self.SHAPE)
        return {"x": x}, {"y": tf.nn.softmax(tf.where(self.CAUSAL, tf.constant(value), x), name="y")}

    def scaled(self, value):
        x = placeholder("x", *self.SHAPE)
        return {"x": x}, {"y": tf.nn.softmax(0.5 * tf.where(self.CAUSAL, tf.constant(value), 2.0 * x), name="y")}

    def computed(self, value):
        x, kept = placeholder("x", *self.SHAPE), placeholder("kept", 6, 6)
        return {"x": x, "kept": kept}, {"y": tf.nn.softmax(x + (1.0 - kept) * value, name="y")}

    def given(self, _):
        x, kept = placeholder("x", *self.SHAPE), placeholder("kept", 6, 6)
        return {"x": x, "kept": kept}, {"y": tf.nn.softmax(x + kept, name="y")}

    def check(self, build, value, variant, kept=None, bound=0.05):
        self.setUp()
        self.save(lambda: build(value))
        samples = {"x": scores([16, *self.SHAPE])}
        if kept is not None:
            samples["kept"] = np.stack([kept] * 16)
        result = self.convert(variant, samples)
        sample = {name: array[0] for name, array in samples.items()}
        right = softmax(np.where(self.CAUSAL, INF, sample["x"]))
        found = self.run_variant(variant, result, sample)["y"]
        np.testing.assert_allclose(found, right, atol=bound)
        self.assertLess(found[..., self.CAUSAL].max(), 0.004)

    def test_constants(self):
        for build in (self.added, self.filled, self.scaled):
            for value in (INF, -1e9, np.finfo(np.float32).min, -1e4, -100.0):
                for variant in ("int8", "int16x8"):
                    with self.subTest(build.__name__, value=value, variant=variant):
                        self.check(build, np.float32(value), variant)

    def test_masks_that_are_computed_or_given(self):
        kept = 1 - self.CAUSAL.astype(np.float32)
        for value in (-1e9, np.finfo(np.float32).min, -1e4):
            for variant in ("int8", "int16x8"):
                with self.subTest(value=value, variant=variant):
                    self.check(self.computed, np.float32(value), variant, kept)
                    self.check(self.given, None, variant, (1 - kept) * np.float32(value))

    def passed(self, value, further):
        x, kept = placeholder("x", *self.SHAPE), placeholder("kept", 6, 6)
        return {"x": x, "kept": kept}, {"y": tf.nn.softmax(further(x + (1.0 - kept) * value), name="y")}

    def test_masks_that_go_through_other_operators(self):
        kept = 1 - self.CAUSAL.astype(np.float32)
        vector = np.linspace(0.5, 2, 6).astype(np.float32)
        for name, further in {
            "times a vector": lambda x: x * vector / vector,
            "over a vector": lambda x: x / vector * vector,
            "leaking": lambda x: tf.nn.leaky_relu(x - 20.0, 0.5) * 2.0,
            "turned": lambda x: tf.negative(tf.negative(x)),
        }.items():
            for variant in ("int8", "int16x8"):
                if (name, variant) in (("leaking", "int16x8"), ("over a vector", "int16x8"), ("turned", "int16x8")):
                    continue  # without 16 bits in 2.4.1
                with self.subTest(name, variant=variant):
                    # Each of them rounds once more.
                    build = functools.partial(self.passed, further=further)
                    self.check(build, np.float32(-1e9), variant, kept, bound=0.08)

    def subtracted(self, value):
        x, kept = placeholder("x", *self.SHAPE), placeholder("kept", 6, 6)
        return {"x": x, "kept": kept}, {"y": tf.nn.softmax(x - (1.0 - kept) * value, name="y")}

    def test_a_mask_that_is_subtracted(self):
        kept = 1 - self.CAUSAL.astype(np.float32)
        for value in (1e4, 1e7, 1e9, np.finfo(np.float32).max):
            for variant in ("int8", "int16x8"):
                with self.subTest(value=value, variant=variant):
                    self.check(self.subtracted, np.float32(value), variant, kept)

    def test_numbers_are_compared_with_infinity(self):
        def build():
            x = placeholder("x", *self.SHAPE)
            largest = tf.reduce_max(x, 3, keepdims=True)
            finite = tf.less(tf.abs(largest), np.float32(np.inf))
            return {"x": x}, {"y": tf.where(finite, largest, tf.zeros_like(largest), name="y")}

        self.save(build)
        samples = {"x": scores([16, *self.SHAPE])}
        found = self.run_variant("int8", self.convert("int8", samples), {"x": samples["x"][0]})["y"]
        np.testing.assert_allclose(found, samples["x"][0].max(axis=3, keepdims=True), atol=0.1)

    def test_a_mask_of_integers(self):
        """What is computed in integers or truths has no range."""

        def build(value):
            x, kept = placeholder("x", *self.SHAPE), placeholder("kept", 6, 6, dtype=tf.int64)
            masked = tf.where(tf.equal(tf.expand_dims(kept, 0), 0), tf.constant(value), x)
            return {"x": x, "kept": kept}, {"y": tf.nn.softmax(masked, name="y")}

        for variant in ("int8", "int16x8"):
            with self.subTest(variant):
                self.check(build, INF, variant, 1 - self.CAUSAL.astype(np.int64))

    def test_what_is_read_by_more_than_a_softmax_is_not_cut(self):
        def build(value):
            sides = self.added(value)
            sides[1]["masked"] = tf.identity(sides[1]["y"].op.inputs[0], "masked")
            return sides

        self.save(lambda: build(np.float32(-50)))
        samples = {"x": scores([16, *self.SHAPE])}
        result = self.convert("int8", samples)
        sample = {name: array[0] for name, array in samples.items()}
        found = self.run_variant("int8", result, sample)["masked"]
        np.testing.assert_allclose(found, sample["x"] + np.where(self.CAUSAL, -50.0, 0.0), atol=0.3)

    def test_what_stays_infinite_is_refused_by_name(self):
        def build():
            sides = self.added(INF)
            sides[1]["masked"] = tf.identity(sides[1]["y"].op.inputs[0], "masked")
            return sides

        self.save(build)
        with self.assertRaisesRegex(StageError, "integers have no steps for add.y: infinities") as raised:
            self.convert("int8", {"x": scores([4, *self.SHAPE])})
        self.assertEqual("model", raised.exception.kind)

    def test_a_model_without_masks_has_the_bytes_of_the_converter(self):
        def build():
            x = placeholder("x", *self.SHAPE)
            return {"x": x}, {"y": tf.nn.softmax(x * 0.5, name="y")}

        self.save(build)
        samples = {"x": 20 * scores([4, *self.SHAPE])}
        self.convert("int8", samples)
        converter = self.converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample] for sample in samples["x"])
        self.ends_with("int8", converter.convert())


class Constants(Stage):
    """What is added or subtracted, or subtracted from."""

    MEAN = np.float32([0.485, 0.456, 0.406])

    def build(self):
        x = placeholder("x", 1, 4, 3)
        return {"x": x}, {
            "less": tf.subtract(x, self.MEAN, name="less"),
            "rest": tf.subtract(1.0, x * 0.5, name="rest"),
            # With x from 0 to 1 all three scales are powers of two, but for a hair.
            "half": tf.subtract(x, 0.5, name="half"),
            "other_half": tf.add(x * 1.0, -0.5, name="other_half"),
        }

    def test_constants_beside_integers_of_16_bits(self):
        for variant, bound in (("int8", 0.03), ("int16x8", 2e-4)):
            with self.subTest(variant):
                self.setUp()
                self.save(self.build)
                samples = {"x": np.random.RandomState(0).uniform(size=(16, 1, 4, 3)).astype(np.float32)}
                samples["x"][0, 0, 0] = 0, 1, 0.5
                x = samples["x"][0]
                found = self.run_variant(variant, self.convert(variant, samples), {"x": x})
                right = {"less": x - self.MEAN, "rest": 1 - x * 0.5, "half": x - 0.5, "other_half": x - 0.5}
                for name, array in right.items():
                    np.testing.assert_allclose(found[name], array, atol=bound, err_msg=name)


class Slopes(Stage):
    """PRELU, which has no kernel for 16 bits."""

    def test_slopes_of_channels_beside_integers_of_16_bits(self):
        slopes = np.float32([0.25, -0.5, 1.5])

        def build():
            x = placeholder("x", 1, 4, 4, 3)
            return {"x": x}, {"y": tf.identity(tf.nn.relu(x) + -slopes.reshape(1, 1, 3) * tf.nn.relu(-x), "y")}

        self.save(build)
        samples = self.seeded(8)
        x = samples["x"][0]
        self.assertIn("PRELU", self.convert("int8", samples)["quantization"]["integer_operators"])
        result = self.convert("int16x8", samples)
        quantized = result["quantization"]
        self.assertEqual((quantized["float_operators"], "PRELU" in quantized["integer_operators"]), ({}, False))
        found = self.run_variant("int16x8", result, {"x": x})["y"]
        largest = np.abs(samples["x"]).max() * 1.5
        np.testing.assert_allclose(found, np.where(x < 0, x * slopes, x), atol=largest * 1e-4)


class LackingKernels(Stage):
    """Operators that the quantizer writes with 16 bits, and runtimes have no kernel for."""

    def test_they_compute_in_floats_between_integers(self):
        def build():
            x = placeholder("x", 1, 4, 4, 3)
            y = convolution(x, weights(1, 1, 3, 4), BIAS)
            return {"x": x}, {
                "largest": tf.reduce_max(y, 3, name="largest"),
                "mirrored": tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT", name="mirrored"),
                "size": tf.abs(y, name="size"),
            }

        self.save(build)
        samples = self.seeded(8)
        x = {"x": samples["x"][0]}
        reference = self.run_variant("float32", self.convert("float32"), x)
        result = self.convert("int16x8", samples)
        self.assertEqual(["ABS", "MIRROR_PAD", "REDUCE_MAX"], sorted(result["quantization"]["float_operators"]))
        self.assertEqual({"int16": 1}, result["quantization"]["integer_operators"]["CONV_2D"])
        for name, found in self.run_variant("int16x8", result, x).items():
            np.testing.assert_allclose(found, reference[name], atol=0.02 * np.abs(reference[name]).max(), err_msg=name)


class Zeros(Stage):
    """Constants of zeros, as the offset of a normalization before it is trained."""

    def test_they_have_a_step(self):
        def build():
            x = placeholder("x", 1, 4, 4, 3)
            rows = tf.transpose(x, [0, 3, 1, 2]) * tf.constant(np.float32([1, 2, 3, 4]))
            return {"x": x}, {"y": tf.add(rows, tf.constant(np.zeros(4, np.float32)), name="y")}

        self.save(build)
        samples = self.seeded(8)
        x = samples["x"][0]
        result = self.convert("int16x8", samples)
        self.assertEqual({"int16": 1}, result["quantization"]["integer_operators"]["ADD"])
        found = self.run_variant("int16x8", result, {"x": x})["y"]
        right = x.transpose(0, 3, 1, 2) * np.float32([1, 2, 3, 4])
        np.testing.assert_allclose(found, right, atol=1e-3 * np.abs(right).max())


class Unseen(Stage):
    """Tensors that are one number in all samples."""

    SHAPE = (1, 4, 4, 3)

    def check(self, build, variant):
        """Compare with TensorFlow on the floats."""
        self.setUp()
        self.save(build)
        samples = self.seeded(16)
        reference = self.run_variant("float32", self.convert("float32"), {"x": samples["x"][0]})
        found = self.run_variant(variant, self.convert(variant, samples), {"x": samples["x"][0]})
        for name, right in reference.items():
            np.testing.assert_allclose(found[name], right, atol=0.05 * max(np.abs(right).max(), 1.0), err_msg=name)

    def dead(self, x):
        return tf.nn.relu(convolution(x, weights(1, 1, 3, 4), -100.0 * np.ones(4, np.float32)))

    def within(self):
        x = placeholder("x", *self.SHAPE)
        return {"x": x}, {"y": tf.identity(convolution(self.dead(x), weights(1, 1, 4, 4, seed=1), BIAS), "y")}

    def branch(self):
        x = placeholder("x", *self.SHAPE)
        dead = self.dead(x)
        joined = tf.concat([x, dead], 3)
        return {"x": x}, {
            "y": tf.add(dead * x[..., :1], x[..., 1:2], name="y"),
            "z": tf.identity(convolution(joined, weights(1, 1, 7, 4, seed=1), BIAS), "z"),
        }

    def whole(self):
        x = placeholder("x", *self.SHAPE)
        return {"x": x}, {"y": tf.identity(self.dead(x), "y"), "z": tf.reduce_mean(self.dead(x), [1, 2], name="z")}

    def constant(self):
        x = placeholder("x", *self.SHAPE)
        return {"x": x}, {"y": tf.add(tf.minimum(tf.maximum(x, 50.0), 60.0), 1.0, name="y")}

    def test_the_number_is_kept(self):
        for build in (self.within, self.branch, self.whole, self.constant):
            for variant in INTEGERS:
                if (build, variant) == (self.constant, "int16x8"):
                    continue  # 2.4.1 has no MAXIMUM for 16 bits
                with self.subTest(build.__name__, variant=variant):
                    self.check(build, variant)

    def test_it_is_told_where_it_begins(self):
        self.save(self.within)
        (told,) = self.convert("int8", self.seeded(4))["warnings"]
        self.assertIn("is 0 in all calibration samples", told)
        self.assertIn("'Relu'", told)

    def test_no_step_is_next_to_zero(self):
        self.save(self.within)
        self.convert("int8", self.seeded(4))
        for tensor in flatbuffer.unpacked(self.content("int8")).subgraphs[0].tensors:
            if tensor.quantization is not None and tensor.quantization.scale is not None:
                self.assertGreater(tensor.quantization.scale.min(), 1e-10)


if __name__ == "__main__":
    unittest.main()


class TinySteps(Stage):
    """A network without trained weights, as BatchNorm without statistics leaves it: its numbers vanish."""

    def test_a_relu6_far_above_the_range(self):
        def vanishing():
            x = placeholder("x", 1, 4, 4, 3)
            seen = tf.nn.relu6(tf.nn.conv2d(x * 1e-8, weights(3, 3, 3, 8), 1, "SAME"))
            return {"x": x}, {"y": tf.identity(tf.nn.conv2d(seen, weights(1, 1, 8, 4, seed=1), 1, "SAME"), "y")}

        self.save(vanishing)
        samples = self.seeded(8)
        sample = {"x": samples["x"][0]}
        reference = self.run_variant("float32", self.convert("float32"), sample)["y"]
        for variant in ("int8", "int16x8"):
            result = self.convert(variant, samples)
            found = self.run_variant(variant, result, sample)["y"]
            self.assertLess(np.abs(found - reference).max(), 0.05 * np.abs(reference).max(), variant)
