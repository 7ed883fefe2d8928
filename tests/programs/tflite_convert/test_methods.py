"""How integers are chosen: equalized layers, corrected biases and narrower ranges."""

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from test_variants import Stage, placeholder, weights

from stagekit import StageError
from tflite_convert import equalization, flatbuffer, range_methods, weight_ranges
from tflite_convert.passes import weight_steps

LARGE = np.float32([1000, 1, 1, 0.01, 1, 1, 30, 1])


def _uneven(filters, axis):
    """Weights whose channels along an axis are far apart."""
    shape = [-1 if at == axis else 1 for at in range(len(filters.shape))]
    return filters * LARGE.reshape(shape)


def windows():
    """A convolution, a pooling, one by channels, and a dense layer, which take back what the one before has done."""
    image = placeholder("image", 1, 8, 8, 3)
    seen = tf.nn.conv2d(image, _uneven(weights(3, 3, 3, 8), 3), 1, "SAME")
    seen = tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(seen, weights(8, seed=1) * LARGE)), 2, 2, "VALID")
    apart = weights(3, 3, 8, 1, seed=2) / LARGE.reshape([1, 1, 8, 1])
    seen = tf.nn.relu(tf.nn.bias_add(tf.nn.depthwise_conv2d(seen, apart, [1, 1, 1, 1], "SAME"), weights(8, seed=4)))
    mean = tf.reduce_mean(seen, [1, 2])
    return {"image": image}, {"scores": tf.matmul(mean, weights(8, 5, seed=3), name="scores")}


def dense():
    x = placeholder("x", 1, 16)
    hidden = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, _uneven(weights(16, 8), 1)), weights(8, seed=1) * LARGE))
    back = weights(8, 5, seed=2) / LARGE.reshape([8, 1])
    return {"x": x}, {"scores": tf.nn.bias_add(tf.matmul(hidden, back), weights(5, seed=3), name="scores")}


def twice():
    """The same weights, and biases of zeros."""
    x = placeholder("x", 1, 8)
    filters, zeros = weights(8, 8), np.zeros(8, np.float32)
    hidden = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, filters), zeros))
    return {"x": x}, {"scores": tf.nn.bias_add(tf.matmul(hidden, filters), zeros, name="scores")}


def outlying():
    """One weight is a hundred times larger than the others."""
    x = placeholder("x", 1, 16)
    filters = np.random.RandomState(2).uniform(-1, 1, (16, 8)).astype(np.float32)
    filters[3, 4] = 100
    return {"x": x}, {"scores": tf.nn.bias_add(tf.matmul(x, filters), weights(8, seed=3), name="scores")}


def branches():
    x = placeholder("x", 1, 16)
    near = tf.nn.relu(tf.matmul(x, weights(16, 8), name="near"), name="near/relu")
    wide = tf.nn.relu(tf.matmul(x, weights(16, 8, seed=1), name="wide"), name="wide/relu")
    both = tf.add(near, wide, name="both")
    last = tf.add(tf.matmul(both, weights(8, 8, seed=2), name="wide_last"), near, name="wide_sum")
    return {"x": x}, {"scores": last, "more": tf.matmul(both, weights(8, 3, seed=3), name="more")}


def rooted():
    x = placeholder("x", 1, 16)
    hidden = tf.nn.relu(tf.matmul(x, weights(16, 8)), name="hidden") + 1.0
    root = tf.math.rsqrt(tf.add(hidden, hidden, name="root"), name="root_of")
    return {"x": x}, {"scores": tf.matmul(root, weights(8, 5, seed=2), name="scores")}


def seen_by_others():
    """The first layer's channels are an output, too: they have to stay what they are."""
    x = placeholder("x", 1, 16)
    hidden = tf.nn.relu(tf.matmul(x, _uneven(weights(16, 8), 1)), name="hidden")
    return {"x": x}, {"hidden": hidden, "scores": tf.matmul(hidden, weights(8, 5, seed=2), name="scores")}


class Methods(Stage):
    def errors(self, variant, **method):
        """Of each channel, over the largest number: how far the variant is from floats, on samples that it has seen."""
        samples = self.seeded(12)
        self.convert("float32")
        made = self.convert(variant, samples, **({"quantization": method} if method else {}))
        worst = []
        for at in range(12):
            sample = {name: array[at] for name, array in samples.items()}
            wanted, found = (self.run_variant(each, made, sample)["scores"] for each in ("float32", variant))
            worst.append(np.abs(found - wanted).max() / np.abs(wanted).max())
        self.told = made["quantization"]
        return float(np.mean(worst))


class Equalization(Methods):
    def test_channels_that_are_far_apart(self):
        for build in (windows, dense):
            for variant in ("int8", "int16x8"):
                with self.subTest(build.__name__ + " " + variant):
                    self.setUp()
                    self.save(build)
                    plain = self.errors(variant)
                    self.assertLess(self.errors(variant, equalize=True), plain / 4)

    def test_floats_stay_the_same_to_the_last_bit(self):
        self.save(windows)
        made = self.convert("float32")
        content, samples = self.content("float32"), self.seeded(4)
        opened = tf.lite.Interpreter(model_content=content)
        inputs = {"image": opened.get_input_details()[0]}
        each = [{"image": samples["image"][at]} for at in range(4)]
        equalized = equalization.equalized(content, inputs, each, weight_steps.QUANTIZERS)
        self.assertNotEqual(equalized, content)
        wanted = [self.run_variant("float32", made, sample)["scores"] for sample in each]
        (self.folder / "float32.tflite").write_bytes(equalized)
        for sample, right in zip(each, wanted):
            np.testing.assert_array_equal(self.run_variant("float32", made, sample)["scores"], right)

    def test_a_file_keeps_no_weights_of_before(self):
        self.save(windows)
        self.convert("int8", self.seeded(4), quantization={"equalize": True, "correct_bias": True})
        equalized = len(self.content("int8"))
        self.convert("int8", self.seeded(4))
        self.assertLess(equalized, 1.1 * len(self.content("int8")))

    def test_what_others_see_stays(self):
        self.save(seen_by_others)
        self.convert("float32")
        model = flatbuffer.unpacked(self.content("float32"))
        self.assertEqual(equalization._pairs(model), [])


class BiasCorrection(Methods):
    def test_the_mean_of_what_a_layer_gives(self):
        self.save(dense)
        samples = {"x": np.abs(self.seeded(40)["x"])}
        self.convert("float32")

        def moved(**method):
            made = self.convert("int16x8", samples, **({"quantization": method} if method else {}))
            found = [
                self.run_variant("int16x8", made, {"x": x})["scores"]
                - self.run_variant("float32", made, {"x": x})["scores"]
                for x in samples["x"]
            ]
            return np.abs(np.mean(found, axis=0)).max()

        self.assertLess(moved(correct_bias=True), moved() / 2)


class Ranges(Methods):
    def test_each_method_cuts_what_is_rare(self):
        """One number of a thousand is fifty times larger than the others."""
        histogram = np.zeros(range_methods.BINS + 1)
        numbers = np.append(np.abs(np.random.RandomState(0).normal(size=9990)), [50.0] * 10)
        histogram[:-1] = np.histogram(numbers, range_methods.BINS, (0.0, 50.0))[0]
        histogram[-1] = numbers.size
        for method, least, most in (
            ("percentile=99", 2, 4),
            ("percentile=99.99", 50, 50),
            ("mse", 10, 50),
            ("kl", 3, 20),
        ):
            with self.subTest(method):
                low, high = range_methods._chosen(method, histogram, 0.0, 50.0)
                self.assertEqual(low, 0.0)
                self.assertGreaterEqual(high, least)
                self.assertLessEqual(high, most)

    def test_what_was_cut_is_told_and_the_ends_stay(self):
        self.save(dense)
        samples = self.seeded(40)
        samples["x"][0] *= 100
        made = self.convert("int8", samples, quantization={"ranges": "percentile=95"})
        (cut,) = made["quantization"]["cut"]
        self.assertEqual(0.0, cut["lowest"])
        self.assertLess(cut["high"], cut["largest"])
        self.assertGreater(0.06, cut["share"])
        self.assertGreater(cut["share"], 0)
        plain = self.convert("int8", samples)
        self.assertEqual([], plain["quantization"]["cut"])
        self.assertEqual(plain["inputs"], made["inputs"])
        self.assertEqual(plain["outputs"], made["outputs"])

    def test_the_same_bytes_twice(self):
        self.save(windows)
        method = {"ranges": "mse", "equalize": True, "round": "adaptive", "correct_bias": True}
        found = []
        for _ in range(2):
            self.convert("int8", self.seeded(8), quantization=method)
            found.append(self.content("int8"))
        self.assertEqual(found[0], found[1])

    def test_what_is_no_method(self):
        self.save(dense)
        for method in ("entropy", "percentile=10"):
            with self.assertRaisesRegex(StageError, "there are no ranges"):
                self.convert("int8", self.seeded(2), quantization={"ranges": method})


class WeightRanges(Methods):
    def test_a_weight_far_from_the_others_is_cut(self):
        """It is one of 128, and adds little to what the layer gives."""
        for variant in ("int8", "int16x8"):
            with self.subTest(variant):
                self.setUp()
                self.save(outlying)
                self.convert(variant, self.seeded(4))
                plain = self.weights(variant)
                made = self.convert(variant, self.seeded(4), quantization={"weight_ranges": "percentile=99"})
                self.assertLess(self.weights(variant), plain / 2)
                (cut,) = made["quantization"]["cut"]
                self.assertEqual(100, cut["largest"])
                self.assertLess(cut["high"], 50)
                self.assertAlmostEqual(cut["share"], 2 / 128)

    def weights(self, variant):
        """The one scale of the weights."""
        model = flatbuffer.unpacked(self.content(variant))
        (scale,) = [
            tensor.quantization.scale
            for tensor in model.subgraphs[0].tensors
            if model.buffers[tensor.buffer].data is not None and tensor.type == schema.TensorType.INT8
        ]
        return scale.max()

    def test_mse_rounds_weights_nearer_than_minmax(self):
        numbers = np.random.RandomState(0).normal(size=(4, 200000)).astype(np.float32)

        def error(ends):
            steps = ends / weight_ranges.LARGEST
            return np.square(np.clip(np.round(numbers / steps), -127, 127) * steps - numbers).sum(axis=1)

        ends = weight_ranges._ends("mse", numbers, (1,))
        plain = np.abs(numbers).max(axis=1, keepdims=True)
        self.assertTrue((error(ends) <= error(plain)).all())
        self.assertLess(error(ends).sum(), error(plain).sum() * 0.95)

    def test_a_bias_takes_back_what_was_cut(self):
        self.save(outlying)
        samples = {"x": np.abs(self.seeded(40)["x"])}
        self.convert("float32")

        def moved(**method):
            made = self.convert("int16x8", samples, quantization=dict(method, weight_ranges="percentile=95"))
            found = [
                self.run_variant("int16x8", made, {"x": x})["scores"]
                - self.run_variant("float32", made, {"x": x})["scores"]
                for x in samples["x"]
            ]
            return np.abs(np.mean(found, axis=0)).max()

        self.assertLess(moved(correct_bias=True), moved() / 4)

    def test_what_stays_in_floats_is_not_cut(self):
        self.save(dense)
        narrow = {"ranges": "percentile=95", "weight_ranges": "percentile=95"}
        self.assertLess(self.errors("int8", keep_float=["*"], **narrow), 1e-6)
        self.assertEqual([], self.told["cut"])
        # The tensor between them is of integers still.
        self.errors("int8", keep_float=["scores"], **narrow)
        self.assertEqual(2, len(self.told["cut"]))

    def test_what_is_no_method(self):
        self.save(dense)
        with self.assertRaisesRegex(StageError, "there are no ranges 'kl'"):
            self.convert("int8", self.seeded(2), quantization={"weight_ranges": "kl"})


class Symmetric(Methods):
    def test_zero_points_are_0(self):
        self.save(dense)
        plain = self.errors("int8")
        self.assertNotEqual({0}, self.zero_points("int8"))
        self.assertLess(self.errors("int8", symmetric=True), plain * 2.5)
        self.assertEqual({0}, self.zero_points("int8"))
        self.convert("int8-only", self.seeded(12), quantization={"symmetric": True})
        self.assertEqual({0}, self.zero_points("int8-only"))

    def test_16_bits_are_symmetric_already(self):
        self.save(dense)
        self.convert("int16x8", self.seeded(4))
        plain = self.content("int16x8")
        self.convert("int16x8", self.seeded(4), quantization={"symmetric": True})
        self.assertEqual(plain, self.content("int16x8"))

    def zero_points(self, variant):
        model = flatbuffer.unpacked(self.content(variant))
        tensors = [tensor for tensor in model.subgraphs[0].tensors if tensor.type == schema.TensorType.INT8]
        return {int(zero) for tensor in tensors for zero in tensor.quantization.zeroPoint}


class KeptFloats(Methods):
    def test_a_layer_by_the_names_of_node_and_operators(self):
        """Nodes of TensorFlow stand for ONNX's here: they have scopes of their own in what `translate` writes."""
        for variant in ("int8", "int16x8"):
            for pattern in ("scores", "sco*", "FULLY_CONNECTED"):
                with self.subTest(variant + " " + pattern):
                    self.setUp()
                    self.save(windows)
                    made = self.convert(variant, self.seeded(4), quantization={"keep_float": [pattern]})
                    self.assertEqual({"FULLY_CONNECTED": 1}, made["quantization"]["float_operators"])
                    self.assertIn("CONV_2D", made["quantization"]["integer_operators"])

    def test_a_layer_by_the_names_of_its_modules(self):
        """An output has a name of its own, and what became of a node has more to its name."""
        modules = {"scores": ["body.head.dense"], "Relu": ["body.act"]}
        for pattern in ("body.head.dense", "body.head", "body.*.dense"):
            with self.subTest(pattern):
                self.setUp()
                self.save(windows)
                made = self.convert("int8", self.seeded(4), quantization={"keep_float": [pattern], "modules": modules})
                self.assertEqual({"FULLY_CONNECTED": 1}, made["quantization"]["float_operators"])
        self.setUp()
        self.save(windows)
        with self.assertRaisesRegex(StageError, "no layer is called bod") as caught:
            self.convert("int8", self.seeded(4), quantization={"keep_float": ["bod"], "modules": modules})
        self.assertIn("scores (body.head.dense)", caught.exception.hint)
        self.assertNotIn("not known", caught.exception.hint)

    def test_constants_that_others_read_too(self):
        """Equal biases are one constant, which becomes integers for the one and stays for the other."""
        self.save(twice)
        self.assertLess(self.errors("int8", keep_float=["scores"]), 0.1)

    def test_what_loses_most_is_kept(self):
        self.save(windows)
        plain = self.errors("int8")
        self.assertLess(self.errors("int8", keep_float=["CONV_2D", "DEPTHWISE_*", "MAX_POOL_2D"]), plain / 4)

    def test_biases_of_what_is_kept_are_not_corrected(self):
        self.save(dense)
        self.assertLess(self.errors("int8", keep_float=["*"], correct_bias=True), 1e-6)

    def test_all_of_it(self):
        self.save(dense)
        self.assertLess(self.errors("int8", keep_float=["*"]), 1e-6)

    def test_what_is_not_there_is_refused_with_what_is(self):
        self.save(dense)
        with self.assertRaisesRegex(StageError, "no layer is called Conv_7") as caught:
            self.convert("int8", self.seeded(2), quantization={"keep_float": ["scores", "Conv_7"]})
        self.assertIn("scores", caught.exception.hint)
        self.assertIn("modules of PyTorch's they are of is not known", caught.exception.hint)


class KeptInt16(Methods):
    def types(self):
        return {name: types for name, types in self.told["integer_operators"].items() if "int16" in types}

    def test_all_layers_are_the_file_of_int16(self):
        self.save(windows)
        wide = self.errors("int16x8")
        self.assertEqual(wide, self.errors("int8", keep_int16=["*"]))
        self.assertEqual({}, self.told["float_operators"])

    def test_one_layer_and_the_others_have_int8(self):
        for pattern, kinds in (("scores", ["FULLY_CONNECTED"]), ("M*", ["MAX_POOL_2D", "MEAN"])):
            with self.subTest(pattern):
                self.setUp()
                self.save(windows)
                plain, wide = self.errors("int8"), self.errors("int16x8")
                found = self.errors("int8", keep_int16=[pattern])
                self.assertEqual({kind: {"int16": 1} for kind in kinds}, self.types())
                self.assertEqual({}, self.told["float_operators"])
                self.assertLess(found, plain * 1.01)
                self.assertGreater(found, wide)

    def test_what_stays_in_floats_is_not_of_int16(self):
        self.save(windows)
        self.errors("int8", keep_int16=["*"], keep_float=["scores"])
        self.assertEqual({"FULLY_CONNECTED": 1}, self.told["float_operators"])
        self.assertEqual({"CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "MEAN"}, set(self.types()))

    def test_branches_that_meet(self):
        """Each sum has an operand of the other type, and one is an output."""
        self.save(branches)
        plain = self.errors("int8")
        self.assertLess(self.errors("int8", keep_int16=["wide*"]), plain)
        self.assertEqual({"FULLY_CONNECTED": {"int16": 2, "int8": 2}, "ADD": {"int16": 1, "int8": 1}}, self.types())

    def test_what_has_no_integers_of_16_bits_stays_in_floats(self):
        self.save(rooted)
        self.errors("int8", keep_int16=["root*"])
        self.assertEqual({"RSQRT": 1}, self.told["float_operators"])

    def test_constants_that_others_read_too(self):
        self.save(twice)
        self.assertLess(self.errors("int8", keep_int16=["scores"]), 0.1)

    def test_the_same_bytes_twice_and_no_numbers_left_over(self):
        self.save(windows)
        samples, found = self.seeded(4), []
        for _ in range(2):
            self.convert("int8", samples, quantization={"keep_int16": ["CONV_2D"]})
            found.append(self.content("int8"))
        self.assertEqual(found[0], found[1])
        model = flatbuffer.unpacked(found[0])
        read = {each.buffer for each in (*model.subgraphs[0].tensors, *model.metadata)}
        self.assertEqual(b"1.", bytes(model.buffers[model.metadata[0].buffer].data[:2]))
        self.assertEqual(
            [], [at for at, buffer in enumerate(model.buffers) if buffer.data is not None and at not in read]
        )

    def test_what_is_not_there_is_refused(self):
        self.save(dense)
        with self.assertRaisesRegex(StageError, "no layer is called Conv_7"):
            self.convert("int8", self.seeded(2), quantization={"keep_int16": ["Conv_7"]})
