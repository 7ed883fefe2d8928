"""Every variant of small models, as the stage makes them, run in TensorFlow's interpreter."""

import collections
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.lite.python import schema_py_generated as schema

from stagekit import Request, StageError, arrays
from tflite_convert import conversion, convert, file_tables, flatbuffer, quantized_file, signature

# Those of which TensorFlow 2.4 can run the file.
ALL = ("float32", "float16", "dynamic", "int8", "int8-only", "int16x8")
INTEGERS = ALL[3:]


def weights(*shape, seed=0, scale=0.3):
    return tf.constant(np.random.RandomState(seed).normal(size=shape, scale=scale).astype(np.float32))


def placeholder(name, *shape, dtype=tf.float32):
    return tf.compat.v1.placeholder(dtype, shape, name=name)


def network():
    """An image and ids, in an order of tensors that is not that of their names."""
    ids = placeholder("ids", 1, 4, dtype=tf.int32)
    image = placeholder("image", 1, 8, 8, 3)
    seen = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(image, weights(3, 3, 3, 64), 1, "SAME"), weights(64, seed=1)))
    read = tf.reduce_mean(tf.gather(weights(10, 64, seed=2), ids), 1)
    scores = tf.add(tf.matmul(tf.reduce_mean(seen, [1, 2]) + read, weights(64, 8, seed=3)), 0.1, name="scores")
    return {"ids": ids, "image": image}, {"scores": scores}


def pair():
    """Two inputs of one shape, with ranges that are ten thousand times apart."""
    large, small = placeholder("a_large", 1, 8), placeholder("z_small", 1, 8)
    return {"small": small, "large": large}, {"sum": tf.add(large * 1e-4, small, name="sum")}


def branching():
    """A product with weights, or a negation, as the largest element of an image decides."""
    x = placeholder("x", 1, 64)
    chosen = tf.cond(tf.reduce_max(x) > 0.5, lambda: tf.matmul(x, weights(64, 64)), lambda: -x)
    return {"x": x}, {"y": tf.identity(chosen, "chosen")}


def with_floor():
    x = placeholder("x", 1, 4)
    return {"x": x}, {"y": tf.add(tf.floor(x * 3.0, name="down"), x, name="sum")}


def trained():
    """A convolution and a linear layer that were trained for int8, their weights on the grid."""
    image = placeholder("image", 1, 8, 8, 4)

    def ranged(tensor, low, high, name=None):
        return tf.quantization.fake_quant_with_min_max_vars(tensor, low, high, name=name)

    def on_grid(*shape):
        steps = np.random.RandomState(0).randint(-126, 127, size=shape).astype(np.float32)
        steps[(0,) * (len(shape) - 1)] = 127
        return tf.constant(steps * np.float32(0.004))

    seen = tf.nn.relu(tf.nn.conv2d(ranged(image, -4.0, 3.96875), on_grid(3, 3, 4, 8), 1, "SAME"))
    seen = tf.reduce_mean(ranged(seen, 0.0, 15.9375), [1, 2])
    return {"image": image}, {
        "scores": ranged(tf.matmul(ranged(seen, 0.0, 7.96875), on_grid(8, 5)), -8.0, 7.9375, "scores")
    }


# Of the channels of a transposed convolution: their largest weights, apart by more than two hundred.
LARGEST = np.float32([0.003, 0.05, 0.7, 0.2])


def trained_upwards(bias=True):
    """A transposed convolution that was trained for int8, the weights of each channel on a grid of its own."""
    image = placeholder("image", 1, 4, 4, 3)

    def ranged(tensor, low, high, name=None):
        return tf.quantization.fake_quant_with_min_max_vars(tensor, low, high, name=name)

    steps = np.random.RandomState(0).randint(-126, 127, size=(2, 2, 4, 3)).astype(np.float32)
    steps[0, 0, :, 0] = 127
    grown = tf.nn.conv2d_transpose(
        ranged(image, -4.0, 3.96875), steps / 127 * LARGEST[None, None, :, None], [1, 8, 8, 4], 2, "VALID"
    )
    if bias:
        grown = tf.nn.bias_add(grown, weights(4, seed=2, scale=1.0))
    return {"image": image}, {"grown": ranged(grown, -6.0, 5.953125, "grown")}


class Stage(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(self.folder))
        conversion.opened.cache_clear()

    def save(self, build):
        """A frozen SavedModel and what the stage is told of it."""
        with tf.Graph().as_default() as graph:
            sides = build()
        message = saved_model_pb2.SavedModel(saved_model_schema_version=1)
        meta_graph = message.meta_graphs.add()
        meta_graph.meta_info_def.tags.append("serve")
        meta_graph.graph_def.CopyFrom(graph.as_graph_def())
        signed = meta_graph.signature_def["serving_default"]
        for infos, tensors in zip((signed.inputs, signed.outputs), sides):
            for key, tensor in tensors.items():
                infos[key].name = tensor.name
                infos[key].dtype = tensor.dtype.as_datatype_enum
                infos[key].tensor_shape.CopyFrom(tensor.shape.as_proto())
        (self.folder / "model").mkdir()
        (self.folder / "model" / "saved_model.pb").write_bytes(message.SerializeToString(deterministic=True))
        self.lists = [
            [
                {"name": key, "key": key, "shape": tensor.shape.as_list(), "dtype": tensor.dtype.name}
                for key, tensor in side.items()
            ]
            for side in sides
        ]

    def seeded(self, count, seed=0):
        """Samples by name: [count, *shape]."""
        stream = np.random.RandomState(seed)
        return {
            entry["name"]: (
                stream.normal(size=[count, *entry["shape"]]).astype(np.float32)
                if entry["dtype"] == "float32"
                else stream.randint(0, 10, size=[count, *entry["shape"]]).astype(entry["dtype"])
            )
            for entry in self.lists[0]
        }

    def convert(self, variant, calibration=None, **parameters):
        inputs = {"saved_model": "model"}
        if calibration is not None:
            arrays.write(self.folder / "calibration.npz", calibration)
            inputs["calibration"] = "calibration.npz"
        fed, made = self.lists
        message = {
            "id": "1",
            "operation": "convert",
            "parameters": dict(
                {"variant": variant, "lowering": "nhwc", "ops": "builtin", "integer_io": "int8", "quantized": False},
                inputs=fed,
                outputs=made,
                **parameters,
            ),
            "inputs": inputs,
            "outputs": {"model": variant + ".tflite"},
        }
        result = convert.convert(Request(message, self.folder, self.folder))
        content = self.content(variant)
        if parameters.get("has"):
            return result
        opened = tf.lite.Interpreter(model_content=content)
        sides = (opened.get_input_details(), opened.get_output_details())
        for entries, details, signed in zip(self.lists, sides, signature.signed(content)):
            named = [(entry["name"], detail["index"]) for entry, detail in zip(entries, details)]
            self.assertEqual(signed, named)
        return result

    def converter(self):
        """TensorFlow's own converter of the model."""
        model = conversion.SavedModel(self.folder / "model")
        return conversion.Conversion(model, "builtin", False, *self.lists)._from_graph(model)

    def content(self, variant):
        return (self.folder / (variant + ".tflite")).read_bytes()

    def codes(self, variant):
        model = flatbuffer.unpacked(self.content(variant))
        return [model.operatorCodes[each.opcodeIndex].builtinCode for each in model.subgraphs[0].operators]

    def ends_with(self, variant, content):
        """Assert that a file is this one, but for the signature before it."""
        self.assertEqual(self.content(variant)[-len(content) :], content)
        self.assertLess(len(self.content(variant)), len(content) + 500)

    def run_variant(self, variant, result, sample):
        arrays.write(self.folder / "samples.npz", sample)
        message = {
            "id": "1",
            "operation": "infer",
            "parameters": dict({"threads": 1}, inputs=result["inputs"], outputs=result["outputs"]),
            "inputs": {"model": variant + ".tflite", "samples": "samples.npz"},
            "outputs": {"outputs": "outputs.npz"},
        }
        convert.infer(Request(message, self.folder, self.folder))
        outputs = arrays.read(self.folder / "outputs.npz")
        for entry in result["outputs"]:
            if entry["scale"] is not None and entry["dtype"] in ("int8", "uint8"):
                outputs[entry["name"]] = (outputs[entry["name"]].astype(float) - entry["zero_point"]) * entry["scale"]
        return outputs


class Trained(Stage):
    """A model that brings its ranges along."""

    def test_int8_needs_no_samples_and_is_within_a_step(self):
        self.save(trained)
        step = 15.9375 / 255
        for seed in range(5):
            sample = {name: array[0] for name, array in self.seeded(1, seed).items()}
            reference = self.run_variant("float32", self.convert("float32"), sample)["scores"]
            self.assertGreater(np.ptp(reference), 10 * step)
            for variant in ("int8", "int8-only"):
                found = self.run_variant(variant, self.convert(variant), sample)["scores"]
                self.assertLess(np.abs(found - reference).max(), 1.01 * step, variant)

    def test_everything_is_integers(self):
        self.save(trained)
        self.assertEqual({}, self.convert("int8")["quantization"]["float_operators"])
        for io in ("int8", "uint8"):
            result = self.convert("int8-only", integer_io=io)
            (fed,), (made,) = result["inputs"], result["outputs"]
            self.assertEqual((io, io), (fed["dtype"], made["dtype"]))
            self.assertAlmostEqual(7.96875 / 255, fed["scale"], places=6)
            self.assertAlmostEqual(15.9375 / 255, made["scale"], places=6)

    def test_the_ranges_of_a_file_are_told_by_the_names_of_nodes(self):
        self.save(trained)
        wanted = {
            "image": (256, 7.96875 / 255, 0),
            "Relu": (512, 15.9375 / 255, -128),
            "Mean": (8, 7.96875 / 255, -128),
            "scores": (5, 15.9375 / 255, 0),
        }
        for variant, io in (("int8", "int8"), ("int8-only", "int8"), ("int8-only", "uint8")):
            self.convert(variant, integer_io=io)
            message = {"id": "1", "operation": "ranges", "parameters": {}, "inputs": {"model": variant + ".tflite"}}
            told = convert.ranges(Request(dict(message, outputs={}), self.folder, self.folder))["ranges"]
            found = {each["name"]: each for each in told}
            for name, (elements, scale, point) in wanted.items():
                self.assertEqual((elements, point), (found[name]["elements"], found[name]["zero_point"]), name)
                self.assertAlmostEqual(scale, found[name]["scale"], places=6)

    def test_a_file_of_floats_has_no_ranges(self):
        self.save(trained)
        self.convert("float16")
        self.assertEqual([], quantized_file.File(self.content("float16")).ranges({}))

    def test_a_transposed_convolution_has_the_scales_of_its_channels(self):
        for bias in (True, False):
            shutil.rmtree(str(self.folder / "model"), ignore_errors=True)
            conversion.opened.cache_clear()
            self.save(lambda bias=bias: trained_upwards(bias))
            sample = {name: array[0] for name, array in self.seeded(1).items()}
            reference = self.run_variant("float32", self.convert("float32"), sample)["grown"]
            found = self.run_variant("int8", self.convert("int8"), sample)["grown"]
            self.assertLess(np.abs(found - reference).max(), 1.01 * 11.953125 / 255)
            model = flatbuffer.unpacked(self.content("int8"))
            (weight,) = [tensor for tensor in model.subgraphs[0].tensors if tensor.shape.tolist() == [4, 2, 2, 3]]
            np.testing.assert_allclose(weight.quantization.scale, LARGEST / 127, rtol=1e-5)
            self.assertLess(len(self.content("int8")), len(self.content("float32")) + 1000)

    def test_a_mean_over_an_image_is_within_half_a_step(self):
        # 51.5 / 3 of an offset: its fraction must not be lost.
        low, high, step = -2.0, 13.9375, 3 * 15.9375 / 255

        def build():
            image = placeholder("image", 1, 3, 3, 50)
            ranged = tf.quantization.fake_quant_with_min_max_vars
            mean = tf.reduce_mean(ranged(image, low, high), [1, 2], keepdims=True)
            return {"image": image}, {"mean": ranged(mean, -36 * step, 219 * step, name="mean")}

        self.save(build)
        result = self.convert("int8")
        sample = {"image": np.random.RandomState(0).uniform(low, high, size=(1, 3, 3, 50)).astype(np.float32)}
        reference = self.run_variant("float32", self.convert("float32"), sample)["mean"]
        found = self.run_variant("int8", result, sample)["mean"]
        self.assertEqual(reference.shape, found.shape)
        np.testing.assert_allclose(found, reference, atol=step / 10)

    def test_other_variants_are_those_of_the_plain_model(self):
        self.save(trained)
        calibration = self.seeded(20)
        sample = {name: array[0] for name, array in calibration.items()}
        reference = self.run_variant("float32", self.convert("float32"), sample)["scores"]
        for variant in ("float16", "dynamic", "int16x8"):
            result = self.convert(variant, calibration if variant == "int16x8" else None)
            found = self.run_variant(variant, result, sample)["scores"]
            self.assertLess(np.abs(found - reference).max(), 0.1 * np.abs(reference).max(), variant)
        for variant in ("dynamic", "int16x8"):
            self.assertLess(len(self.content(variant)), len(self.content("float32")))

    def test_the_same_bytes_again(self):
        self.save(trained)
        made = []
        for _ in range(2):
            conversion.opened.cache_clear()
            self.convert("int8")
            made.append(self.content("int8"))
        self.assertEqual(*made)


def with_small_integers():
    """Integers of 8 and 16 bits among floats, going in and out, in an order that is not that of their names."""
    pixels, image = placeholder("pixels", 1, 8, dtype=tf.uint8), placeholder("image", 1, 8)
    marks, heights = placeholder("marks", 1, 8, dtype=tf.int8), placeholder("heights", 1, 8, dtype=tf.int16)
    seen = tf.matmul(image + tf.cast(pixels, tf.float32) / 16, weights(8, 6), name="seen")
    return (
        {"pixels": pixels, "image": image, "marks": marks, "heights": heights},
        {
            "seen": seen,
            "same": tf.identity(marks, name="same"),
            "back": tf.identity(pixels, name="back"),
            "as they are": tf.identity(heights, name="as_they_are"),
        },
    )


def trained_with_bytes():
    """The same kind of model, trained for int8."""
    pixels, image = placeholder("pixels", 1, 8, dtype=tf.uint8), placeholder("image", 1, 8)
    ranged = tf.quantization.fake_quant_with_min_max_vars
    seen = ranged(ranged(image, -4.0, 3.96875) + ranged(tf.cast(pixels, tf.float32), 0.0, 255.0), -4.0, 260.0)
    return {"pixels": pixels, "image": image}, {"seen": tf.identity(seen, name="seen")}


class SmallIntegers(Stage):
    """Inputs of 8 and 16 bits that are numbers, and stand for nothing else."""

    def test_every_variant_keeps_names_order_and_dtypes(self):
        self.save(with_small_integers)
        calibration = self.seeded(10)
        sample = {name: array[3] for name, array in calibration.items()}
        expected = sample["image"] + sample["pixels"].astype(np.float32) / 16
        expected = expected @ np.random.RandomState(0).normal(size=(8, 6), scale=0.3).astype(np.float32)
        bounds = {"float32": 1e-6, "float16": 2e-3, "dynamic": 3e-2, "int8": 6e-2, "int16x8": 6e-2}
        for variant, bound in bounds.items():
            with self.subTest(variant):
                result = self.convert(variant, calibration if variant in INTEGERS else None)
                named = [(entry["name"], entry["tensor"], entry["dtype"]) for entry in result["inputs"]]
                own = [("pixels", "uint8"), ("image", "float32"), ("marks", "int8"), ("heights", "int16")]
                self.assertEqual(named, [(name, name, dtype) for name, dtype in own])
                self.assertEqual(
                    [(entry["name"], entry["dtype"]) for entry in result["outputs"]],
                    [("seen", "float32"), ("same", "int8"), ("back", "uint8"), ("as they are", "int16")],
                )
                found = self.run_variant(variant, result, sample)
                self.assertLess(np.abs(found["seen"] - expected).max(), bound * np.abs(expected).max())
                np.testing.assert_array_equal(found["same"], sample["marks"])
                np.testing.assert_array_equal(found["back"], sample["pixels"])
                np.testing.assert_array_equal(found["as they are"], sample["heights"])

    def test_a_model_that_was_trained_for_int8(self):
        self.save(trained_with_bytes)
        sample = {name: array[0] for name, array in self.seeded(1).items()}
        expected = sample["image"] + sample["pixels"].astype(np.float32)
        result = self.convert("int8")
        self.assertEqual([entry["tensor"] for entry in result["inputs"]], ["pixels", "image"])
        self.assertEqual(result["quantization"]["float_operators"], {"CAST": 1})
        found = self.run_variant("int8", result, sample)["seen"]
        self.assertLess(np.abs(found - expected).max(), 1.5 * 264 / 255)


class Variants(Stage):
    def test_each_computes_what_float32_does_within_its_bits(self):
        self.save(network)
        calibration = self.seeded(20)
        sample = {name: array[0] for name, array in calibration.items()}
        reference = self.run_variant("float32", self.convert("float32"), sample)["scores"]
        bounds = {"float16": 2e-3, "dynamic": 3e-2, "int8": 6e-2, "int8-only": 6e-2, "int16x8": 2e-2}
        for variant, bound in bounds.items():
            with self.subTest(variant):
                result = self.convert(variant, calibration if variant in INTEGERS else None)
                found = self.run_variant(variant, result, sample)["scores"]
                error = np.abs(found - reference).max() / np.abs(reference).max()
                self.assertLess(error, bound)
                self.assertGreater(error, 0)

    def test_what_goes_in_and_out(self):
        self.save(network)
        calibration = self.seeded(3)
        for variant, dtype, options in (
            ("int8", "float32", {}),
            ("int16x8", "float32", {}),
            ("int8-only", "int8", {}),
            ("int8-only", "uint8", {"integer_io": "uint8"}),
        ):
            with self.subTest(variant, dtype=dtype):
                result = self.convert(variant, calibration, **options)
                ids, image = result["inputs"]
                self.assertEqual((ids["dtype"], ids["scale"], ids["zero_point"]), ("int32", None, None))
                self.assertEqual((image["dtype"], image["tensor"]), (dtype, "image"))
                # The scale of an image is its range over the number of steps.
                steps = 2**16 - 2 if variant == "int16x8" else 255
                spread = (
                    np.abs(calibration["image"]).max() * 2 if variant == "int16x8" else np.ptp(calibration["image"])
                )
                self.assertAlmostEqual(image["scale"] * steps / spread, 1, places=3)
                (scores,) = result["outputs"]
                self.assertEqual(scores["dtype"], dtype)
                self.assertGreater(scores["scale"], 0)

    def test_weights_have_a_scale_per_channel(self):
        self.save(network)
        quantized = self.convert("int8", self.seeded(3))["quantization"]
        # The kernel and its bias; TFLite quantizes the weights of a FULLY_CONNECTED as one.
        self.assertEqual(quantized["per_channel"], 2)
        self.assertGreater(quantized["tensors"], 8)
        self.assertEqual(quantized["float_operators"], {})
        counted = quantized["integer_operators"]
        self.assertEqual({kind for kinds in counted.values() for kind in kinds}, {"int8"})
        self.assertEqual(counted["CONV_2D"], {"int8": 1})
        self.assertEqual(
            self.convert("int16x8", self.seeded(3))["quantization"]["integer_operators"]["CONV_2D"], {"int16": 1}
        )
        self.assertEqual(self.convert("float32")["quantization"]["integer_operators"], {})

    def test_half_pixel_centres_are_part_of_a_resizings_name(self):
        def resized():
            x = placeholder("x", 1, 4, 4, 2)
            made = [tf.raw_ops.ResizeBilinear(images=x, size=[8, 8], half_pixel_centers=half) for half in (True, False)]
            return {"x": x}, {"half": tf.identity(made[0], name="half"), "whole": tf.identity(made[1], name="whole")}

        self.save(resized)
        counted = self.convert("int8", self.seeded(3))["quantization"]["integer_operators"]
        wanted = {"RESIZE_BILINEAR": {"int8": 1}, "RESIZE_BILINEAR half_pixel_centers": {"int8": 1}}
        self.assertEqual({name: counted[name] for name in wanted}, wanted)

    def test_the_bytes_are_the_converters_own_behind_the_signature(self):
        self.save(network)
        calibration = self.seeded(4)
        for variant in ("int8", "int16x8", "dynamic"):
            self.convert(variant, calibration if variant in INTEGERS else None)
        converter = self.converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        self.ends_with("dynamic", converter.convert())
        positional = [[calibration["ids"][at], calibration["image"][at]] for at in range(4)]
        converter.representative_dataset = lambda: iter(positional)
        self.ends_with("int8", converter.convert())
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
        self.ends_with("int16x8", converter.convert())

    def test_the_same_bytes_again_from_another_conversion(self):
        self.save(network)
        made = collections.defaultdict(set)
        for _ in range(2):
            conversion.opened.cache_clear()
            for variant in ALL:
                self.convert(variant, self.seeded(4) if variant in INTEGERS else None)
                made[variant].add(self.content(variant))
        self.assertEqual({variant: len(contents) for variant, contents in made.items()}, dict.fromkeys(ALL, 1))

    def test_variants_share_one_loaded_model(self):
        self.save(network)
        for variant in ALL:
            self.convert(variant, self.seeded(4) if variant in INTEGERS else None)
        self.assertEqual(conversion.opened.cache_info().misses, 1)

    def test_float16_is_what_the_converter_makes_in_another_order(self):
        self.save(network)
        self.convert("float16")
        converter = self.converter()
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        self.assertEqual(_parts(self.content("float16")), _parts(converter.convert()))

    def test_numbers_beyond_float16_become_its_largest(self):
        def build():
            x = placeholder("x", 1, 2)
            return {"x": x}, {"y": tf.add(x, tf.constant([1e6, -np.inf]), name="y")}

        self.save(build)
        result = self.convert("float16")
        found = self.run_variant("float16", result, {"x": np.zeros((1, 2), np.float32)})["y"]
        np.testing.assert_array_equal(found, [[65504, -65504]])
        (warning,) = result["warnings"]
        self.assertRegex(
            warning, r"^float16 has no numbers beyond 65504: 1 of '\w+' become that, the largest of them was 1e\+06$"
        )
        self.assertEqual([], self.convert("float32")["warnings"])

    def test_numbers_that_float16_has_are_no_warning(self):
        self.save(network)
        self.assertEqual([], self.convert("float16")["warnings"])

    def test_a_number_of_which_float16_leaves_nothing_stays(self):
        def guarded():
            x = placeholder("x", 1, 3)
            length = tf.sqrt(tf.reduce_sum(x * x, 1, keepdims=True))
            return {"x": x}, {"y": tf.divide(x * weights(3), tf.maximum(length, 1e-12), name="y")}

        self.save(guarded)
        result = self.convert("float16")
        for value, right in ((np.zeros((1, 3)), np.zeros((1, 3))), (np.eye(3)[:1], weights(3).numpy() * np.eye(3)[:1])):
            found = self.run_variant("float16", result, {"x": value.astype(np.float32)})["y"]
            np.testing.assert_allclose(found, right, rtol=1e-3)


class Calibration(Stage):
    def test_inputs_are_told_apart_by_name(self):
        self.save(pair)
        calibration = self.seeded(8)
        calibration["large"] *= 10000
        for order in (("small", "large"), ("large", "small")):
            with self.subTest(order):
                conversion.opened.cache_clear()
                result = self.convert("int8", {name: calibration[name] for name in order})
                scales = {entry["name"]: entry["scale"] for entry in result["inputs"]}
                self.assertGreater(scales["large"], 1000 * scales["small"])

    def test_a_saved_model_of_functions_is_calibrated_by_name_too(self):
        class Functions(tf.Module):
            @tf.function(input_signature=[tf.TensorSpec([1, 8], name=name) for name in ("z_small", "a_large")])
            def __call__(self, z_small, a_large):
                return {"sum": a_large * 1e-4 + z_small, "difference": a_large * 1e-4 - z_small}

        model = Functions()
        tf.saved_model.save(model, str(self.folder / "model"), signatures=model.__call__.get_concrete_function())
        self.lists = [
            [{"name": key[2:], "key": key, "shape": [1, 8], "dtype": "float32"} for key in ("z_small", "a_large")],
            [{"name": key, "key": key, "shape": [1, 8], "dtype": "float32"} for key in ("difference", "sum")],
        ]
        calibration = self.seeded(8)
        calibration["large"] *= 10000
        sample = {name: array[0] for name, array in calibration.items()}
        for variant in ALL:
            result = self.convert(variant, calibration if variant in INTEGERS else None)
            found = self.run_variant(variant, result, sample)
            for name, sign in (("sum", 1), ("difference", -1)):
                np.testing.assert_allclose(
                    found[name], sample["large"] * 1e-4 + sign * sample["small"], atol=0.1, err_msg=variant + name
                )
        self.assertGreater(result["inputs"][1]["scale"], 1000 * result["inputs"][0]["scale"])

    def test_branches_have_no_integers(self):
        self.save(branching)
        sample = {name: array[0] for name, array in self.seeded(1).items()}
        for variant in ("float32", "float16", "dynamic"):
            found = self.run_variant(variant, self.convert(variant), {"x": np.minimum(sample["x"], 0.4)})["y"]
            np.testing.assert_allclose(found, -np.minimum(sample["x"], 0.4), rtol=1e-6)
        for variant in INTEGERS:
            with self.assertRaisesRegex(StageError, "it has branches") as caught:
                self.convert(variant, self.seeded(2))
            self.assertEqual(caught.exception.kind, "model")

    def test_samples_that_the_model_can_not_run_on(self):
        self.save(network)
        calibration = self.seeded(2)
        calibration["ids"] = calibration["ids"].astype(np.float32)
        with self.assertRaises(StageError) as caught:
            self.convert("int8", calibration)
        self.assertEqual(caught.exception.kind, "usage")
        self.assertIn("calibration samples", caught.exception.message)


def pooled(value):
    """A maximum over windows that reach into a padding of this value; what goes in is negative as often as not."""

    def build():
        x = placeholder("x", 1, 8, 8, 3)
        seen = tf.nn.conv2d(x, weights(3, 3, 3, 8), 1, "SAME")
        padded = tf.pad(seen, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=value, name="padded")
        return {"x": x}, {"y": tf.nn.max_pool2d(padded, 3, 2, "VALID", name="y")}

    return build


class Padding(Stage):
    def test_tensors_of_different_ranges_that_are_padded_with_one_constant(self):
        def padded_twice():
            x = placeholder("x", 1, 4, 4, 2)
            around = tf.constant([[0, 0], [1, 1], [1, 1], [0, 0]])
            one, other = (
                tf.nn.relu(tf.raw_ops.PadV2(input=seen, paddings=around, constant_values=1.0))
                for seen in (x * 0.5, x * 9.0)
            )
            return {"x": x}, {"one": tf.identity(one, "one"), "other": tf.identity(other, "other")}

        self.save(padded_twice)
        samples = self.seeded(8)
        for variant in ("int8", "int16x8"):
            result = self.convert(variant, samples)
            sample = {"x": samples["x"][0]}
            for name, found in self.run_variant(variant, result, sample).items():
                self.assertLess(abs(found[0, 0, 0, 0] - 1.0), 0.1, (variant, name))

    def test_a_padding_with_another_number_than_zero_is_quantized_as_what_it_pads(self):
        for value in (np.finfo(np.float32).min, -np.inf, -0.75, 0.5):
            with self.subTest(value):
                self.folder = Path(tempfile.mkdtemp(dir=str(self.folder)))
                self.save(pooled(value))
                calibration = self.seeded(20)
                sample = {"x": calibration["x"][3]}
                reference = self.run_variant("float32", self.convert("float32"), sample)["y"]
                for variant in ("int8", "int8-only"):
                    result = self.convert(variant, calibration)
                    found = self.run_variant(variant, result, sample)["y"]
                    # Rounding in the input, the weights and the output, of 8 bits each.
                    self.assertLess(np.abs(found - reference).max(), 3 * result["outputs"][0]["scale"], variant)
                    self.assertEqual(result["quantization"]["float_operators"], {})

    def test_a_number_beyond_the_integers_is_refused(self):
        self.save(pooled(100))
        with self.assertRaises(StageError) as caught:
            self.convert("int8", self.seeded(4))
        self.assertEqual(caught.exception.kind, "model")
        self.assertIn("is padded with 100, but in integers it goes from -", caught.exception.message)

    def test_of_16_bits(self):
        self.save(pooled(np.finfo(np.float32).min))
        calibration = self.seeded(20)
        sample = {"x": calibration["x"][3]}
        reference = self.run_variant("float32", self.convert("float32"), sample)["y"]
        found = self.run_variant("int16x8", self.convert("int16x8", calibration), sample)["y"]
        np.testing.assert_allclose(found, reference, atol=0.02 * np.abs(reference).max())


def scaled_by(*factors):
    """A depthwise convolution whose channels are multiplied by these."""

    def build():
        x = placeholder("x", 1, 6, 6, len(factors))
        kernel = np.zeros([3, 3, len(factors), 1], np.float32)
        kernel[1, 1, :, 0] = factors
        return {"x": x}, {"y": tf.nn.depthwise_conv2d(x, kernel, [1] * 4, "SAME", name="y")}

    return build


class Multipliers(Stage):
    def test_a_channel_of_16_bits_that_is_multiplied_by_less_than_a_power_of_two(self):
        # Ranges of 1 and 1 in and out, so that factor / 127 is what a kernel multiplies with: just less than 1 / 128.
        factor = 127 / 128 * (1 - 2e-6)
        self.save(scaled_by(factor, 1.0, 0.5))
        x = np.linspace(-1, 1, 108, dtype=np.float32).reshape(1, 6, 6, 3)
        x[0, 0, 0], x[0, 0, 1] = 1, -1
        found = self.run_variant("int16x8", self.convert("int16x8", {"x": x[None]}), {"x": x})["y"]
        np.testing.assert_allclose(found, x * np.float32([factor, 1.0, 0.5]), atol=2e-4)


def joined():
    """Convolutions of different ranges, side by side; the first of them is read on its own as well."""
    x = placeholder("x", 1, 8, 8, 3)
    seen = [tf.nn.conv2d(x, weights(3, 3, 3, 8, seed=seed, scale=0.1 * 3**seed), 1, "SAME") for seed in range(3)]
    return {"x": x}, {"y": tf.concat(seen, 3, name="y"), "z": tf.nn.max_pool2d(seen[0], 2, 2, "VALID", name="z")}


class Concatenation(Stage):
    def test_what_is_joined_is_computed_in_the_scale_of_the_whole(self):
        self.save(joined)
        calibration = self.seeded(20)
        sample = {"x": calibration["x"][3]}
        reference = self.run_variant("float32", self.convert("float32"), sample)
        for variant, between in (("int8", 1), ("int8-only", 0)):
            result = self.convert(variant, calibration)
            found = self.run_variant(variant, result, sample)
            for output in result["outputs"]:
                off = np.abs(found[output["name"]] - reference[output["name"]]).max()
                self.assertLess(off, 3 * output["scale"], variant)
            # That of the input aside, only the one that others read in a finer scale is rounded again.
            model = flatbuffer.unpacked(self.content(variant))
            (graph,) = model.subgraphs
            codes = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
            self.assertEqual(codes.count(schema.BuiltinOperator.QUANTIZE) - between, 1, variant)
            used = {index for operator in graph.operators for index in [*operator.inputs, *operator.outputs]}
            self.assertEqual(used, set(range(len(graph.tensors))), variant)


def swished():
    x = placeholder("x", 1, 8, 8, 3)
    seen = tf.nn.conv2d(x, weights(3, 3, 3, 8), 1, "SAME")
    return {"x": x}, {"y": tf.multiply(seen * tf.nn.relu6(seen + 3.0), 1 / 6, name="y")}


class HardSwish(Stage):
    def test_it_is_in_steps_that_have_integers(self):
        self.save(swished)
        calibration = self.seeded(20)
        sample = {"x": calibration["x"][3]}
        reference = self.run_variant("float32", self.convert("float32"), sample)["y"]
        self.assertIn(schema.BuiltinOperator.HARD_SWISH, self.codes("float32"))
        for variant in INTEGERS:
            result = self.convert(variant, calibration)
            found = self.run_variant(variant, result, sample)["y"]
            self.assertLess(np.abs(found - reference).max(), 0.02 * np.abs(reference).max(), variant)
            self.assertNotIn(schema.BuiltinOperator.HARD_SWISH, self.codes(variant))
            self.assertEqual(result["quantization"]["float_operators"], {})


def summed(count):
    def build():
        x = placeholder("x", 1, 8, 8, 3)
        seen = [tf.nn.conv2d(x, weights(3, 3, 3, 8, seed=at), 1, "SAME") for at in range(count)]
        return {"x": x}, {"y": tf.add_n(seen, name="y")}

    return build


class LongSums(Stage):
    def test_they_are_in_steps_that_have_integers(self):
        for count in (2, 3, 5):
            shutil.rmtree(str(self.folder / "model"), ignore_errors=True)
            conversion.opened.cache_clear()
            self.save(summed(count))
            calibration = self.seeded(20)
            sample = {"x": calibration["x"][3]}
            reference = self.run_variant("float32", self.convert("float32"), sample)["y"]
            self.assertIn(schema.BuiltinOperator.ADD_N, self.codes("float32"))
            for variant in INTEGERS:
                result = self.convert(variant, calibration)
                found = self.run_variant(variant, result, sample)["y"]
                self.assertLess(np.abs(found - reference).max(), 0.03 * np.abs(reference).max(), variant)
                self.assertEqual(self.codes(variant).count(schema.BuiltinOperator.ADD), count - 1)
                self.assertEqual(result["quantization"]["float_operators"], {})


class IntegersOnly(Stage):
    def test_no_float_is_left(self):
        self.save(network)
        for io in ("int8", "uint8"):
            self.convert("int8-only", self.seeded(4), integer_io=io)
            self.assertNotIn("float", " ".join(_parts(self.content("int8-only"))[0]))

    def test_operators_that_would_stay_in_floats_are_named_with_their_place(self):
        self.save(with_floor)
        calibration = self.seeded(4)
        with self.assertRaises(StageError) as caught:
            self.convert("int8-only", calibration)
        self.assertEqual(caught.exception.kind, "model")
        self.assertIn("1 operator(s) compute in floats: FLOOR (down)", caught.exception.message)
        self.assertIn("--variant int8", caught.exception.hint)
        quantized = self.convert("int8", calibration)["quantization"]
        self.assertEqual(quantized["float_operators"], {"FLOOR": 1})

    def test_very_many_are_named_in_part(self):
        def build():
            x = y = placeholder("x", 1, 4)
            for number in range(12):
                y = tf.floor(y * 1.5, name=f"down_{number}")
            return {"x": x}, {"y": tf.identity(y, name="y")}

        self.save(build)
        with self.assertRaises(StageError) as caught:
            self.convert("int8-only", self.seeded(4))
        self.assertIn("12 operator(s)", caught.exception.message)
        self.assertIn("and 2 more", caught.exception.message)


def _parts(content):
    """What a file holds, whatever its order: tensors in words, operators by name and the tensors that they join."""
    file = file_tables.File(content)
    graph, *_ = file.graphs
    tensors = []
    for tensor in graph.tensors:
        data = file.model.Buffers(tensor.buffer).DataAsNumpy()
        digest = data.tobytes().hex()[:200] if isinstance(data, np.ndarray) else ""
        tensors.append(f"{tensor.name.decode()} {tensor.type} {digest}")
    operators = [
        (each.kind, *([graph.tensors[at].name for at in places if at >= 0] for places in (each.inputs, each.outputs)))
        for each in graph.operators
    ]
    return sorted(tensors), sorted(operators)


if __name__ == "__main__":
    unittest.main()
