import tempfile
import unittest
from pathlib import Path

import numpy as np

from stagekit import Request, StageError, arrays, interpreter


def details(*names):
    return [{"name": name, "index": at} for at, name in enumerate(names)]


class Bind(unittest.TestCase):
    def indices(self, found):
        return {name: detail["index"] for name, detail in found.items()}

    def test_own_names_and_order_without_a_list(self):
        self.assertEqual(self.indices(interpreter.bind(details("b", "a"), [])), {"b": 0, "a": 1})

    def test_own_names_that_repeat_get_their_position(self):
        self.assertEqual(list(interpreter.bind(details("a", "b", "a"), [])), ["a#0", "b", "a#2"])

    def test_names_of_the_signature_in_the_files_order(self):
        signed = [("b/c", 1), ("b:c", 0)]
        self.assertEqual(self.indices(interpreter.bind(details("x", "y"), [], signed)), {"b:c": 0, "b/c": 1})

    def test_one_tensor_under_two_names_of_the_signature(self):
        twice = [*details("x", "y"), details("x")[0]]
        signed = [("one", 0), ("two", 1), ("three", 0)]
        self.assertEqual(
            list(self.indices(interpreter.bind(twice, [], signed)).items()), [("one", 0), ("two", 1), ("three", 0)]
        )

    def test_own_names_where_the_signature_lacks_any(self):
        for signed in ([], [("one", 0)], [("one", 0), ("two", 7)], [("one", 0), ("two", 0)]):
            self.assertEqual(self.indices(interpreter.bind(details("x", "y"), [], signed)), {"x": 0, "y": 1})

    def test_the_users_names_and_order(self):
        names = [{"name": "one", "tensor": "x"}, {"name": "two", "tensor": "y"}, {"name": "three", "tensor": "x"}]
        found = interpreter.bind(details("y", "x"), names)
        self.assertEqual(
            list(found.items()),
            [("one", details("y", "x")[1]), ("two", details("y")[0]), ("three", details("y", "x")[1])],
        )

    def test_position_tells_tensors_of_one_name_apart(self):
        names = [{"name": "one", "tensor": "x"}, {"name": "two", "tensor": "x"}]
        self.assertEqual(self.indices(interpreter.bind(details("x", "x"), names)), {"one": 0, "two": 1})

    def test_names_the_tensor_that_is_missing(self):
        with self.assertRaisesRegex(StageError, "no z, it has x, y"):
            interpreter.bind(details("x", "y"), [{"name": "one", "tensor": "z"}])


class Doubling:
    """An interpreter whose model doubles its input, of any number of rows."""

    invoked = 0
    failure = None

    def __init__(self, model_path, num_threads):
        assert model_path
        assert num_threads
        self.values = {}
        self.detail = {"name": "x", "index": 0, "shape": [1, 2], "shape_signature": [-1, 2], "dtype": np.float32}
        self.detail["quantization"] = (0.0, 0)

    def get_input_details(self):
        return [self.detail]

    def get_output_details(self):
        return [dict(self.detail, name="y", index=1)]

    def resize_tensor_input(self, index, shape, strict):
        assert (index, strict) == (0, True)
        self.detail = dict(self.detail, shape=list(shape))

    def allocate_tensors(self):
        if self.failure:
            raise RuntimeError(self.failure)

    def set_tensor(self, index, value):
        assert value.shape == tuple(self.detail["shape"])
        self.values[index] = value

    def get_tensor(self, index):
        return self.values[index]

    def invoke(self):
        type(self).invoked += 1
        self.values[1] = self.values[0] * 2


class Infer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "model").write_bytes(b"\0\0\0\0TFL3")
        self.interpreter = type("Fresh", (Doubling,), {})

    def infer(self, samples, profiled=False, **parameters):
        arrays.write(self.folder / "samples", samples)
        inputs, outputs = ("model", "samples"), ("outputs",)
        if profiled:
            inputs, outputs = (*inputs, "profiles"), (*outputs, "profiled")
        request = Request(
            {
                "id": "1",
                "operation": "infer",
                "parameters": dict({"inputs": [], "outputs": [], "threads": 1}, **parameters),
                "inputs": {name: name for name in inputs},
                "outputs": {name: name for name in outputs},
            },
            self.folder,
            self.folder,
        )
        return interpreter.infer(self.interpreter, request, [], []), arrays.read

    def test_outputs_by_the_users_names(self):
        result, read = self.infer(
            {"in": np.ones((3, 2), np.float32)},
            inputs=[{"name": "in", "tensor": "x"}],
            outputs=[{"name": "out", "tensor": "y"}],
        )
        spec = {"name": "out", "shape": [3, 2], "dtype": "float32"}
        self.assertEqual(result, {"outputs": [spec]})
        np.testing.assert_array_equal(read(self.folder / "outputs")["out"], np.full((3, 2), 2, np.float32))
        self.assertEqual(self.interpreter.invoked, 1)

    def test_samples_and_outputs_keep_their_layout_whatever_the_files_is(self):
        def own(interpreter):
            detail = {"name": "x", "index": 0, "shape": [1, 4, 5, 3], "shape_signature": [1, 4, 5, 3]}
            interpreter.detail = dict(detail, dtype=np.float32, quantization=(0.0, 0))

        self.interpreter.__init__ = lambda this, **options: (Doubling.__init__(this, **options), own(this))[0]
        image = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)
        result, read = self.infer(
            {"in": image},
            inputs=[{"name": "in", "tensor": "x", "layout": "nhwc"}],
            outputs=[{"name": "out", "tensor": "y", "layout": "nhwc"}],
        )
        self.assertEqual(result["outputs"], [{"name": "out", "shape": [1, 3, 4, 5], "dtype": "float32"}])
        np.testing.assert_array_equal(read(self.folder / "outputs")["out"], image * 2)

    def time(self, **parameters):
        message = {"id": "2", "operation": "time", "parameters": dict({"inputs": [], "threads": 1}, **parameters)}
        files = {name: name for name in ("model", "samples")}
        request = Request(dict(message, inputs=files, outputs={}), self.folder, self.folder)
        return interpreter.timed(self.interpreter, request, [])["latency_ms"]

    def test_as_many_invocations_are_timed_as_there_is_time_for(self):
        self.infer({"x": np.ones((1, 2), np.float32)}, threads=2)
        latency = self.time(threads=2, least=5, most=9, seconds=0)
        self.assertEqual({"threads", "runs", "median", "min"}, set(latency))
        self.assertEqual((latency["threads"], latency["runs"]), (2, 5))
        self.assertLessEqual(latency["min"], latency["median"])
        # Of the samples one, and before the timing one more.
        self.assertEqual(self.interpreter.invoked, 1 + 1 + 5)
        self.assertEqual(self.time(threads=2, least=5, most=9, seconds=60)["runs"], 9)

    def test_a_file_that_was_not_run_before_is_timed_too(self):
        arrays.write(self.folder / "samples", {"x": np.ones((1, 2), np.float32)})
        self.assertEqual(self.time(least=1, most=1, seconds=0)["runs"], 1)

    def test_profiles_come_between_the_samples_and_the_timing_which_is_of_the_samples(self):
        fed = []

        class Watched(Doubling):
            def invoke(self):
                fed.append(float(self.values[0][0, 0]))
                super().invoke()

        self.interpreter = Watched
        given = {"zeros/x": np.zeros((1, 2), np.float32), "large/x": np.full((1, 2), 7, np.float32)}
        arrays.write(self.folder / "profiles", given)
        _, read = self.infer({"x": np.ones((1, 2), np.float32)}, profiled=True)
        self.time(least=2, most=2, seconds=0)
        self.assertEqual(fed, [1, 0, 7, 1, 1, 1])
        np.testing.assert_array_equal(read(self.folder / "outputs")["y"], [[2, 2]])
        found = read(self.folder / "profiled")
        self.assertEqual([*found], ["zeros/y", "large/y"])
        np.testing.assert_array_equal(found["large/y"], [[14, 14]])

    def test_samples_that_do_not_fit(self):
        with self.assertRaisesRegex(StageError, r"its sample \[1, 3\]") as caught:
            self.infer({"x": np.ones((1, 3), np.float32)})
        self.assertEqual(caught.exception.kind, "usage")

    def test_floats_for_quantized_integers_become_those(self):
        class Quantized(Doubling):
            def __init__(self, **options):
                super().__init__(**options)
                self.detail.update(dtype=np.uint8, quantization=(0.5, 10))

        self.interpreter = Quantized
        _, read = self.infer({"x": np.array([[1.3, 20], [-4, -99]], np.float32)})
        # 1.3 / 0.5 + 10 is 12.6; what is beyond the integers becomes the last of them.
        np.testing.assert_array_equal(read(self.folder / "outputs")["y"], [[26, 100], [4, 0]])
        self.infer({"x": np.array([[1, 2]], np.uint8)})
        np.testing.assert_array_equal(read(self.folder / "outputs")["y"], [[2, 4]])

    def test_something_else_than_a_tflite_file(self):
        (self.folder / "model").write_bytes(b"not one")
        with self.assertRaisesRegex(StageError, "no TFLite file") as caught:
            self.infer({"x": np.ones((1, 2), np.float32)})
        self.assertEqual(caught.exception.kind, "usage")

    def test_names_the_operator_that_is_refused(self):
        for failure, operator, hinted in (
            ("Encountered unresolved custom op: Foo.\nSee instructions: there", "Foo", True),
            ("Select TensorFlow op(s) not supported. Node number 0 (FlexErf) failed to prepare.", "FlexErf", True),
            ("bad dims\nNode number 3 (CONV_2D) failed to prepare.", "CONV_2D", False),
        ):
            self.interpreter.failure = failure
            words = "can't run the operator " + operator
            with self.subTest(operator), self.assertRaisesRegex(StageError, words) as caught:
                self.infer({"x": np.ones((1, 2), np.float32)})
            self.assertEqual((caught.exception.kind, bool(caught.exception.hint)), ("model", hinted))
