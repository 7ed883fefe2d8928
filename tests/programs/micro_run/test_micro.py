"""Small files in TFLite Micro's interpreter: what it computes, what it refuses, and in which words."""

import tempfile
import unittest
from pathlib import Path

import built
import integer_net
import numpy as np
import tiny

from micro_run import micro
from stagekit import Request, StageError, arrays

X = np.array([[1, 2, 3]], np.float32)
ADDED = np.array([1, 2, 3], np.float32)


def unary(kind, dtype="float32", shape=(1, 4), **options):
    """A file of one operator without options."""
    tensors = [built.Tensor("x", shape, dtype), built.Tensor("y", shape, dtype)]
    graph = built.Graph(tensors, [built.Operator(kind, (0,), (1,), **options)], (0,), (1,))
    return built.content(built.File([graph]))


class Stage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, operation, content, samples=None, **parameters):
        (self.folder / "model.tflite").write_bytes(content)
        inputs, outputs = {"model": "model.tflite"}, {}
        if samples is not None:
            arrays.write(self.folder / "given.npz", samples)
            inputs["samples"], outputs = "given.npz", {"outputs": "outputs.npz"}
            parameters = {"inputs": [], "outputs": [], "threads": 1, **parameters}
        message = {"id": "1", "operation": operation, "parameters": parameters, "inputs": inputs, "outputs": outputs}
        return micro.OPERATIONS[operation](Request(message, self.folder, self.folder))

    def refused(self, words, *arguments, **options):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.call(*arguments, **options)
        self.assertEqual(caught.exception.kind, "model")
        self.assertTrue(caught.exception.hint)


class Infer(Stage):
    def test_outputs_and_operator_counts(self):
        result = self.call("infer", tiny.model(), {"x": X})
        self.assertEqual([each["name"] for each in result["outputs"]], ["first", "second"])
        self.assertEqual(result["ops"], {"ADD": 2})
        outputs = arrays.read(self.folder / "outputs.npz")
        np.testing.assert_array_equal(outputs["first"], X + ADDED)
        np.testing.assert_array_equal(outputs["second"], X + 2 * ADDED)

    def test_floats_for_integers_are_quantized_and_the_files_names_serve(self):
        image = np.random.RandomState(0).uniform(-1, 1, (1, 8, 8, 4)).astype(np.float32)
        self.call("infer", built.content(integer_net.file()), {"image": image})
        scores = arrays.read(self.folder / "outputs.npz")["scores"]
        self.assertEqual((scores.dtype, scores.shape), (np.int8, (1, 5)))
        self.assertAlmostEqual((scores.astype(np.float32) + 128).sum() / 256, 1, delta=0.02)

    def test_it_answers_again_in_the_same_process(self):
        for _ in range(2):
            self.call("infer", tiny.model(), {"x": X})
            np.testing.assert_array_equal(arrays.read(self.folder / "outputs.npz")["first"], X + ADDED)

    def test_an_operator_that_its_resolver_lacks_is_named(self):
        self.refused("its resolver has no GELU", "infer", unary("GELU"), {"x": np.ones((1, 4), np.float32)})

    def test_a_type_that_an_operator_lacks_is_told_with_the_operator(self):
        given = {"x": np.ones((1, 4), np.int64)}
        self.refused(r"it can't (prepare|invoke) the operator NEG", "infer", unary("NEG", "int64"), given)

    def test_another_size_is_refused(self):
        given = {"x": X.repeat(2, 0)}
        self.refused("no tensors of open sizes: the input x is 1x3, not 2x3", "infer", tiny.model(rows=-1), given)


class Measure(Stage):
    def test_its_library_has_a_size(self):
        measured = self.call("measure", tiny.model())
        self.assertEqual(measured["package"], "tflite-micro")
        self.assertGreater(measured["size"], 10**5)
