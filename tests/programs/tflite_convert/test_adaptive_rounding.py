"""Weights rounded so that outputs change least."""

import unittest
from unittest import mock

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_methods import dense, windows
from test_variants import INTEGERS, Stage, placeholder, weights

from tflite_convert import adaptive_rounding, conversion, error_compensation, flatbuffer, layer_inputs
from tflite_convert.passes import editing, ranges


def every_kind():
    """A layer of each kind, of integers, so that floats are exact. Sizes and strides leave more padding on one side."""
    image = placeholder("image", 2, 7, 6, 4)
    up = tf.nn.conv2d_transpose(image, _whole(3, 2, 6, 4), [2, 14, 12, 6], 2, "SAME", name="up")
    valid = tf.nn.conv2d_transpose(image, _whole(3, 2, 6, 4) + 1, [2, 15, 12, 6], 2, "VALID", name="valid")
    plain = tf.nn.conv2d(image, _whole(3, 2, 4, 8), [1, 2, 1, 1], "SAME", name="plain")
    apart = tf.nn.conv2d(image, _whole(2, 2, 4, 8), 1, "VALID", dilations=[2, 3], name="apart")
    channels = tf.nn.depthwise_conv2d(image, _whole(3, 3, 4, 2), [1, 2, 2, 1], "SAME", name="channels")
    return {"image": image}, {
        "up": up,
        "valid": valid,
        "plain": plain,
        "apart": apart,
        "channels": channels,
        "dense": tf.matmul(tf.reshape(image, [2, 168]), _whole(168, 5), name="dense"),
    }


def _whole(*shape):
    return tf.constant(np.random.RandomState(0).randint(-5, 6, size=shape).astype(np.float32))


def even():
    """The layers of `windows` with channels that are alike."""
    image = placeholder("image", 1, 8, 8, 3)
    seen = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(image, weights(3, 3, 3, 16), 1, "SAME"), weights(16, seed=1)))
    apart = tf.nn.depthwise_conv2d(seen, weights(3, 3, 16, 1, seed=2), [1, 1, 1, 1], "SAME")
    scores = tf.nn.conv2d(
        tf.nn.relu(tf.nn.bias_add(apart, weights(16, seed=4))), weights(1, 1, 16, 5, seed=3), 1, "SAME"
    )
    return {"image": image}, {"scores": tf.nn.bias_add(scores, weights(5), name="scores")}


def single():
    x = placeholder("x", 1, 24)
    return {"x": x}, {"scores": tf.nn.bias_add(tf.matmul(x, weights(24, 8)), weights(8, seed=1), name="scores")}


def twice():
    """A layer whose weights another one has, too, and one of its own."""
    x, shared = placeholder("x", 1, 16), weights(16, 16)
    seen = tf.matmul(tf.nn.relu(tf.matmul(x, shared)), shared)
    return {"x": x}, {"scores": tf.matmul(tf.nn.relu(seen), weights(16, 5, seed=1), name="scores")}


class AdaptiveRounding(Stage):
    def alike(self, count):
        """Samples in which numbers are near to those beside them, as in those of the world."""
        found = self.seeded(count, seed=1)
        for name, array in found.items():
            for axis in range(1, array.ndim):
                np.cumsum(array, axis, out=array)
            found[name] = np.tanh(array / 8)
        return found

    def chosen(self, variant="int8", has=()):
        """{name of a tensor: what was chosen for it} for a file, which is made."""
        found = {}

        def spied(model, *others):
            weights = choose(model, *others)
            found.update({model.subgraphs[0].tensors[at].name: array for at, array in weights.items()})
            return weights

        choose = adaptive_rounding.chosen
        conversion.opened.cache_clear()
        with mock.patch.object(adaptive_rounding, "chosen", spied):
            self.convert(variant, self.alike(16), has=has, quantization={"round": "adaptive"})
        return found

    def integers(self, variant):
        """{name: (int8 weights, steps)} of a file."""
        model = flatbuffer.unpacked(self.content(variant))
        return {
            tensor.name: (editing.numbers(model, tensor).reshape(tensor.shape), tensor.quantization)
            for tensor in model.subgraphs[0].tensors
            if tensor.type == schema.TensorType.INT8 and editing.numbers(model, tensor) is not None
        }

    def test_the_file_has_what_is_chosen_in_the_steps_of_the_nearest(self):
        by_channel = "dense-channels", "int16-dense-channels"
        for build, layers, has in ((windows, 3, ()), (dense, 2, ()), (dense, 2, by_channel)):
            for variant in ("int8", "int8-only", "int16x8"):
                with self.subTest(" ".join([build.__name__, variant, *has])):
                    self.setUp()
                    self.save(build)
                    self.convert(variant, self.alike(16), has=has)
                    nearest = self.integers(variant)
                    chosen = self.chosen(variant, has)
                    self.assertEqual(layers, len(chosen))
                    moved = 0
                    for name, (integers, quantization) in self.integers(variant).items():
                        before, steps = nearest[name]
                        np.testing.assert_array_equal(steps.scale, quantization.scale)
                        axis = quantization.quantizedDimension
                        shape = [-1 if at == axis and len(steps.scale) > 1 else 1 for at in range(integers.ndim)]
                        exact = chosen[name] / quantization.scale.reshape(shape)
                        np.testing.assert_allclose(exact, integers, rtol=0, atol=1e-4)
                        self.assertLessEqual(np.abs(integers.astype(int) - before).max(), 1)
                        moved += np.count_nonzero(integers != before)
                    self.assertGreater(moved, 0)

    def departures(self, **method):
        """[samples, outputs]: what int16x8 gives more than floats, on samples of which it has seen the first half."""
        samples = self.alike(128)
        seen = {name: array[:64] for name, array in samples.items()}
        floats, made = self.convert("float32"), self.convert("int16x8", seen, quantization=method)
        found = []
        for at in range(128):
            sample = {name: array[at] for name, array in samples.items()}
            wanted = self.run_variant("float32", floats, sample)["scores"]
            found.append(self.run_variant("int16x8", made, sample)["scores"] - wanted)
        return np.concatenate(found)

    def test_outputs_on_other_samples_change_less(self):
        self.save(even)
        plain, adaptive = (self.departures(round=way)[64:] for way in ("nearest", "adaptive"))
        self.assertLess(np.square(adaptive).mean(), np.square(plain).mean() / 2)

    def test_the_mean_is_corrected_for_what_is_chosen(self):
        self.save(single)
        plain, corrected = (self.departures(round="adaptive", correct_bias=each)[:64] for each in (False, True))
        self.assertLess(np.abs(corrected.mean(axis=0)).max(), np.abs(plain.mean(axis=0)).max() / 2)

    def test_inputs_and_weights_are_those_of_each_kind_of_layer(self):
        """Their products are the layer's outputs."""
        self.save(every_kind)
        made = self.convert("float32")
        image = np.random.RandomState(2).randint(-99, 100, size=(2, 7, 6, 4)).astype(np.float32)
        outputs = self.run_variant("float32", made, {"image": image})
        model = flatbuffer.unpacked(self.content("float32"))
        for tensor in model.subgraphs[0].tensors:
            if editing.numbers(model, tensor) is None:
                tensor.quantization = schema.QuantizationParametersT()
                ranges.set_to(tensor, -127.0, 128.0)
        kinds = set()
        for widest in (4608, 20):
            with mock.patch.object(layer_inputs, "WIDEST", widest):
                for layer in layer_inputs.layers(model):
                    kinds.add(layer.kind)
                    numbers = editing.numbers(model, model.subgraphs[0].tensors[layer.weights]).reshape(layer.shape)
                    grouped = layer.grouped(numbers)
                    np.testing.assert_array_equal(layer.whole(grouped), numbers)
                    self.assertLessEqual(layer.groups[1], widest)
                    data = image.reshape(layer.taken)
                    found = np.matmul(layer.inputs(data, 10000, 0), grouped)
                    groups = layer.taken[-1] if layer.kind == schema.BuiltinOperator.DEPTHWISE_CONV_2D else 1
                    found = found.reshape(groups, -1, *found.shape[1:]).sum(axis=1)
                    found = found.transpose(1, 0, 2).reshape(layer.given)
                    name = model.subgraphs[0].tensors[layer.operator.outputs[0]].name.decode()
                    np.testing.assert_array_equal(found, outputs[name], name)
                    some = layer.inputs(data, 3, 0)
                    self.assertEqual(min(3, int(np.prod(layer.given[:-1]))), some.shape[1])
        self.assertEqual(set(editing.WEIGHTED), kinds)

    def test_the_same_for_any_order_of_adding_and_however_often_samples_run(self):
        def backwards(one, other):
            return np.einsum("gij,gjk->gik", one[:, :, ::-1], other[:, ::-1])

        self.save(windows)
        wanted = self.chosen()
        with mock.patch.object(np, "matmul", backwards):
            added = self.chosen()
        with mock.patch.object(adaptive_rounding, "TOGETHER", 1):
            apart = self.chosen()
        for found in (added, apart):
            self.assertEqual(wanted.keys(), found.keys())
            for name, array in wanted.items():
                np.testing.assert_array_equal(found[name], array)

    def test_wide_layers_in_parts(self):
        self.save(windows)
        whole = self.chosen()
        with mock.patch.object(layer_inputs, "WIDEST", 8):
            parts = self.chosen()
        self.assertEqual(whole.keys(), parts.keys())
        self.assertTrue(any((whole[name] != array).any() for name, array in parts.items()))

    def test_weights_of_two_layers_are_rounded_to_the_nearest(self):
        self.save(twice)
        self.assertEqual(1, len(self.chosen()))

    def test_weights_of_two_layers_are_told(self):
        self.save(twice)
        shared = "--round adaptive leaves weights that several layers share rounded to the nearest: "
        for variant in INTEGERS:
            (note,) = self.convert(variant, self.alike(4), quantization={"round": "adaptive"})["notes"]
            self.assertTrue(note.startswith(shared), note)
        for method in ({"correct_bias": True}, {"round": "adaptive", "keep_float": ["*"]}):
            self.assertEqual([], self.convert("int8", self.alike(4), quantization=method)["notes"])

    def test_where_no_weights_are_shared_nothing_is_told(self):
        self.save(single)
        self.assertEqual([], self.convert("int8", self.alike(4), quantization={"round": "adaptive"})["notes"])

    def test_what_stays_in_floats_is_not_rounded(self):
        self.save(dense)
        self.assertLess(np.abs(self.departures(round="adaptive", keep_float=["*"])).max(), 1e-6)


class ErrorCompensation(unittest.TestCase):
    def test_the_algorithm_of_the_paper(self):
        """Frantar et al. by the inverse, column by column; in blocks here, and without."""
        stream = np.random.RandomState(0)
        for size in (5, 64, 150):
            rows = np.round(50 * stream.normal(size=(2, 400, size)) @ stream.normal(size=(size, size)))
            products = np.matmul(rows.transpose(0, 2, 1), rows)
            wanted = 20 * stream.normal(size=(2, size, 7))
            low, high = np.round(wanted) - 1, np.round(wanted) + 1
            found = error_compensation.decided(products, wanted, low, high)
            for group in range(2):
                right = self.by_inverse(products[group], wanted[group], low[group], high[group])
                np.testing.assert_array_equal(found[group], right)
                self.assertLess(
                    *(self.error(rows[group], each - wanted[group]) for each in (right, np.round(wanted[group])))
                )

    @staticmethod
    def error(rows, difference):
        return np.square(rows @ difference).sum()

    @staticmethod
    def by_inverse(products, wanted, low, high):
        squares = np.diagonal(products)
        order = np.argsort(squares, kind="stable")[::-1]
        damped = products + np.eye(len(products)) * (error_compensation.DAMPING * squares.mean() + 1)
        upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
        left, integers = wanted[order].copy(), np.zeros(wanted.shape)
        for at in range(len(order)):
            integers[order[at]] = np.clip(np.round(left[at]), low[order[at]], high[order[at]])
            error = (left[at] - integers[order[at]]) / upper[at, at]
            left[at:] -= upper[at, at:, None] * error
        return integers

    def test_inputs_that_are_zero_on_all_samples(self):
        wanted = np.float64([[[0.4, -3.6]] * 3])
        found = error_compensation.decided(np.zeros((1, 3, 3)), wanted, np.round(wanted) - 1, np.round(wanted) + 1)
        np.testing.assert_array_equal(found, np.round(wanted))
