"""Files as TensorFlow 2.10 makes them by its public API alone, from the beginning to the end."""

import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np
import tensorflow as tf

from stagekit import Request, StageError, arrays
from tflite_convert import convert

VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-only", "int16x8")
SIXTEEN_BITS = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
STREAM = np.random.RandomState(0)
KERNEL = STREAM.normal(size=(8, 8)).astype(np.float32)
BIAS = STREAM.normal(size=8).astype(np.float32)


class Whole(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, str(self.folder))

    def save(self, function, *inputs):
        """A SavedModel of a function of rows of eight numbers, with samples of them."""
        specs = [tf.TensorSpec([1, 8], tf.float32, name=name) for name in inputs]
        module = tf.Module()
        module.serve = tf.function(function, input_signature=specs)
        made = module.serve.get_concrete_function()
        self.model = self.folder / "saved_model"
        tf.saved_model.save(module, str(self.model), signatures=made)
        samples = {name: STREAM.uniform(size=(6, 1, 8)).astype(np.float32) * 10**at for at, name in enumerate(inputs)}
        arrays.write(self.folder / "calibration.npz", samples)
        self.samples = samples
        tensor = {"shape": [1, 8], "dtype": "float32", "layout": "nchw"}
        self.lists = [
            [dict(tensor, name=name, key=name) for name in inputs],
            [dict(tensor, name=name, key=name) for name in made.structured_outputs],
        ]

    def convert(self, variant, integer_io="int8"):
        """The stage's result, and the file's bytes."""
        calibrated = {"calibration": "calibration.npz"} if variant.startswith("int") else {}
        inputs, outputs = self.lists
        message = {
            "id": "1",
            "operation": "convert",
            "parameters": {
                "variant": variant,
                "lowering": "stock",
                "ops": "auto",
                "integer_io": integer_io,
                "quantized": False,
                "inputs": inputs,
                "outputs": outputs,
            },
            "inputs": dict(calibrated, saved_model="saved_model"),
            "outputs": {"model": "model.tflite"},
        }
        request = Request(message, self.folder, self.folder)
        return convert.convert(request), request.outputs["model"].read_bytes()

    def by_hand(self, variant, integer_io="int8"):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(self.model))
        if variant != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant.startswith("int"):
            converter.representative_dataset = lambda: (
                {name: array[at] for name, array in self.samples.items()} for at in range(6)
            )
        if variant == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if variant == "int8-only":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(integer_io)
        if variant == "int16x8":
            converter.target_spec.supported_ops = [SIXTEEN_BITS, tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()

    def test_every_variant_is_the_converters_own(self):
        def two(zed, alpha):
            return {"sum": tf.nn.relu(zed @ KERNEL + BIAS) + alpha, "half": alpha * 0.5}

        self.save(two, "zed", "alpha")
        for variant in VARIANTS:
            for io in ("int8", "uint8") if variant == "int8-only" else ("int8",):
                with self.subTest(variant, io=io):
                    result, content = self.convert(variant, io)
                    self.assertEqual(self.by_hand(variant, io), content)
                    self.assertEqual([], result["warnings"])

    def test_outputs_are_told_by_the_files_signature(self):
        # Of numbers from 0 to 1 a ReLU gives what it was given, so that values tell nothing.
        self.save(lambda x: {"b": tf.nn.relu(x), "a": tf.identity(x), "c": tf.nn.relu(x) * 2.0}, "x")
        result, content = self.convert("float32")
        tensors = {output["name"]: output["tensor"] for output in result["outputs"]}
        opened = tf.lite.Interpreter(model_content=content)
        (fed,) = opened.get_input_details()
        self.assertEqual(fed["name"], tensors["a"])
        self.assertEqual(3, len(set(tensors.values())))

    def test_what_the_quantizer_gets_wrong_is_told(self):
        mask = np.float32([[0, 0, -1e9, 0, 0, -1e9, 0, 0]])
        self.save(lambda x: {"y": tf.nn.softmax(x @ KERNEL + mask) @ KERNEL}, "x")
        for variant in ("int8", "int16x8"):
            (warning,) = self.convert(variant)[0]["warnings"]
            self.assertIn("masks of a softmax", warning)

    def test_a_range_from_the_lowest_float_on(self):
        lowest = np.finfo(np.float32).min

        def padded(x):
            x = tf.pad(tf.nn.relu(x), [[0, 0], [1, 1]], constant_values=lowest)
            return {"y": tf.nn.max_pool1d(x[..., None], 3, 2, "VALID")[..., 0] @ KERNEL[:4]}

        self.save(padded, "x")
        self.convert("dynamic")
        for variant in ("int8", "int8-only"):
            with self.assertRaisesRegex(StageError, "PadV2.*lowest float"):
                self.convert(variant)

    def test_int16x8_alone_gets_biases_wrong_that_are_shared(self):
        self.save(lambda x: {"y": tf.nn.bias_add(x @ KERNEL, BIAS) * tf.nn.bias_add(x * 0.01 @ KERNEL, BIAS)}, "x")
        self.assertEqual([], self.convert("int8")[0]["warnings"])
        (warning,) = self.convert("int16x8")[0]["warnings"]
        self.assertIn("biases that several operators share", warning)
