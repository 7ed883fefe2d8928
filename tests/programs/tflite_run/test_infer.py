import sys
import tempfile
import unittest
from pathlib import Path

import built
import integer_net
import numpy as np
import tiny

from stagekit import Request, StageError, arrays
from tflite_run import infer

X = np.array([[1, 1, 1]], np.float32)
ADDED = np.array([1, 2, 3], np.float32)
SIGNED = {"a/b": 0}, {"größe": 3, "a:b": 2}


class Stage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, operation, content, samples=None, **parameters):
        (self.folder / "model.tflite").write_bytes(content)
        inputs, written = {"model": "model.tflite"}, "contents"
        if samples is not None:
            arrays.write(self.folder / "given.npz", samples)
            inputs["samples"] = "given.npz"
            written = "outputs"
            parameters = dict({"inputs": [], "outputs": [], "threads": 1}, **parameters)
        message = {"id": "1", "operation": operation, "parameters": parameters, "inputs": inputs}
        request = Request(dict(message, outputs={written: written}), self.folder, self.folder)
        return infer.OPERATIONS[operation](request)

    def refused(self, kind, words, *arguments, **options):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.call(*arguments, **options)
        self.assertEqual(caught.exception.kind, kind)
        return caught.exception


class Infer(Stage):
    def test_outputs_and_operator_counts(self):
        result = self.call("infer", tiny.model(), {"x": X})
        described = [{"name": name, "shape": [1, 3], "dtype": "float32"} for name in ("first", "second")]
        self.assertEqual(result, {"outputs": described, "ops": {"ADD": 2}, "emulator": ""})
        outputs = arrays.read(self.folder / "outputs")
        np.testing.assert_array_equal(outputs["first"], X + ADDED)
        np.testing.assert_array_equal(outputs["second"], X + 2 * ADDED)

    def test_the_users_names_and_order(self):
        lists = {
            "inputs": [{"name": "image", "tensor": "x"}],
            "outputs": [{"name": "scores", "tensor": "second"}, {"name": "boxes", "tensor": "first"}],
        }
        self.call("infer", tiny.model(), {"image": X}, **lists)
        outputs = arrays.read(self.folder / "outputs")
        self.assertEqual(list(outputs), ["scores", "boxes"])
        np.testing.assert_array_equal(outputs["scores"], X + 2 * ADDED)

    def test_the_names_of_the_signature_in_the_files_order(self):
        self.call("infer", tiny.model(signed=SIGNED), {"a/b": X})
        outputs = arrays.read(self.folder / "outputs")
        self.assertEqual(list(outputs), ["a:b", "größe"])
        np.testing.assert_array_equal(outputs["größe"], X + 2 * ADDED)

    def test_latency(self):
        latency = self.call("time", tiny.model(), {"x": X}, threads=2, least=4, most=4, seconds=0)["latency_ms"]
        self.assertEqual((latency["threads"], latency["runs"]), (2, 4))
        self.assertTrue(0 < latency["min"] <= latency["median"])

    def test_a_size_left_open_is_the_samples(self):
        x = np.zeros((5, 3), np.float32)
        self.call("infer", tiny.model(rows=-1), {"x": x})
        np.testing.assert_array_equal(arrays.read(self.folder / "outputs")["second"], x + 2 * ADDED)

    def test_samples_that_do_not_fit(self):
        self.refused("usage", r"sample \[1, 4\]", "infer", tiny.model(), {"x": np.ones((1, 4), np.float32)})
        self.refused("usage", "of float64", "infer", tiny.model(), {"x": X.astype(np.float64)})
        self.refused("usage", "named y", "infer", tiny.model(), {"y": X})

    def test_an_operator_that_the_runtime_lacks(self):
        for name in ("Mine", "FlexErf"):
            error = self.refused("model", "operator " + name, "infer", tiny.model(custom=name), {"x": X})
            self.assertIn("Select-TF", error.hint)


class Trace(Stage):
    def traced(self, content, samples, **entry):
        (self.folder / "model.tflite").write_bytes(content)
        arrays.write(self.folder / "samples.npz", samples)
        message = {
            "id": "1",
            "operation": "trace",
            "parameters": {"inputs": [dict({"name": "image", "tensor": "x"}, **entry)]},
            "inputs": {"model": "model.tflite", "samples": "samples.npz"},
            "outputs": {"values": "values.npz"},
        }
        names = infer.OPERATIONS["trace"](Request(message, self.folder, self.folder))["names"]
        values = arrays.read(self.folder / "values.npz")
        self.assertEqual([str(at) for at in range(len(names))], list(values))
        return dict(zip(names, values.values()))

    def test_every_tensor_that_depends_on_an_input_is_kept(self):
        found = self.traced(tiny.model(), {"image": X})
        self.assertEqual(list(found), ["x", "first", "second"])
        np.testing.assert_array_equal(found["first"], X + ADDED)

    def test_integers_are_the_numbers_that_they_stand_for(self):
        image = (np.arange(256).reshape(1, 4, 8, 8) % 100 / 50).astype(np.float32)
        found = self.traced(built.content(integer_net.file()), {"image": image}, layout="nhwc")
        self.assertEqual(list(found), ["x", "conv", "pool", "flat", "dense", "scores"])
        np.testing.assert_allclose(found["x"], image.transpose(0, 2, 3, 1), atol=0.0101)
        np.testing.assert_array_equal(found["pool"].reshape(-1), found["flat"].reshape(-1))
        self.assertGreater(found["pool"].max(), 0)
        self.assertAlmostEqual(found["scores"].sum(), 1, delta=0.05)


class Damage(Stage):
    def test_something_else_than_a_tflite_file(self):
        for content in (b"", b"PK\x03\x04 something else"):
            self.refused("usage", "no TFLite file", "infer", content, {"x": X})
            self.refused("usage", "no TFLite file", "inspect", content)

    def test_a_file_that_is_cut_off(self):
        whole = tiny.model(signed=SIGNED)
        for length in range(8, len(whole) - 16, 48):
            with self.subTest(length=length), self.assertRaises(StageError) as caught:
                self.call("infer", whole[:length], {"x": X})
            self.assertEqual(caught.exception.kind, "usage")

    def test_a_signature_of_a_tensor_that_is_not_there(self):
        for signed in (({"a/b": 6}, SIGNED[1]), (SIGNED[0], {"first": 2, "second": 2**31})):
            self.refused("usage", "damaged: tensor", "infer", tiny.model(signed=signed), {"x": X})

    def test_a_file_of_noise(self):
        for start in (8, 200):
            noise = tiny.model()[:start] + np.random.RandomState(start).bytes(2000)
            self.refused("usage", "damaged", "infer", noise, {"x": X})


class Measure(Stage):
    def test_the_libraries_of_this_runtime(self):
        found = infer.OPERATIONS["measure"](None)
        libraries = list(Path(sys.modules[infer.Interpreter.__module__].__file__).parent.rglob("*.so"))
        self.assertEqual((found["package"], found["libraries"]), (infer.PACKAGE, len(libraries)))
        self.assertEqual(found["size"], sum(library.stat().st_size for library in libraries))


if __name__ == "__main__":
    unittest.main()
