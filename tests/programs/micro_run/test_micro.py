"""Small files in TFLite Micro's interpreter: what it computes, what it refuses, and in which words."""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import built
import integer_net
import numpy as np
import tflite
import tiny
from built import File, Graph, Operator, Tensor

from micro_run import micro, micro_interpreter, resolver
from stagekit import Request, StageError, arrays

X = np.array([[1, 2, 3]], np.float32)
ADDED = np.array([1, 2, 3], np.float32)


NO_OPERATORS = ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")


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


def pooled(*shape):
    """A file that makes a tensor of this shape's size, twice, from its input."""
    half = [Operator("ADD", (0, 0), (1,), "AddOptions"), Operator("ADD", (1, 1), (2,), "AddOptions")]
    tensors = [Tensor(name, shape) for name in ("x", "twice", 'in "quotes"\\ and\n lines??/')]
    return built.content(File([Graph(tensors, half, (0,), (2,))]))


class Arena(Stage):
    def measured(self, content):
        (self.folder / "model.tflite").write_bytes(content)
        outputs = {"source": f"made-{len(list(self.folder.iterdir()))}"}
        message = {"id": "1", "operation": "arena", "inputs": {"model": "model.tflite"}, "outputs": outputs}
        request = Request({**message, "parameters": {"inputs": [], "outputs": []}}, self.folder, self.folder)
        return micro.OPERATIONS["arena"](request), request.outputs["source"]

    def test_the_least_is_the_least(self):
        content = built.content(integer_net.file())
        found, _ = self.measured(content)
        self.assertEqual(found["least"], found["tensors"] + found["kernels"] + found["structures"])
        self.assertLess(found["estimate_32_bit"], found["least"])
        micro_interpreter.running(content, found["least"])
        with self.assertRaises(MemoryError):
            micro_interpreter.running(content, found["least"] - 16)
        self.assertEqual(self.measured(content)[0], found)

    def test_it_grows_as_the_tensors_that_are_alive(self):
        small, large = (self.measured(pooled(1, count))[0] for count in (1000, 5000))
        # Two tensors of 4 bytes a number are alive at once.
        self.assertEqual(large["tensors"] - small["tensors"], 2 * 4 * 4000)
        self.assertEqual(large["structures"], small["structures"])
        self.assertEqual([each["size"] for each in large["peak"]["tensors"]], [20000, 20000])

    def test_the_peak_is_what_the_planner_reaches(self):
        found, _ = self.measured(built.content(integer_net.file()))
        self.assertEqual(found["peak"]["operator"], "CONV_2D")
        self.assertEqual({each["name"] for each in found["peak"]["tensors"]}, {"x", "conv"})
        self.assertEqual(sum(each["size"] for each in found["peak"]["tensors"]), found["tensors"])

    def test_the_methods_of_the_resolver(self):
        found, source = self.measured(built.content(integer_net.file()))
        added = ["AddConv2D", "AddFullyConnected", "AddMaxPool2D", "AddReshape", "AddSoftmax"]
        self.assertEqual(found["operators"], added)
        written = (source / "model_operators.h").read_text()
        self.assertEqual(re.findall(r"resolver\.(\w+)\(\)", written), added)
        self.assertIn("kOperators = 5;", written)

    def test_the_array_is_the_file_again(self):
        content = pooled(1, 5)
        _, source = self.measured(content)
        (self.folder / "main.cc").write_text(
            '#include <cstdio>\n#include "model_data.h"\nint main() {\n'
            "  if (reinterpret_cast<std::size_t>(model_data::kBytes) % 16) return 1;\n"
            "  std::fwrite(model_data::kBytes, 1, model_data::kSize, stdout);\n"
            "  std::fputs(model_data::kOutputs[0].name, stdout);\n}\n"
        )
        program = self.folder / "program"
        flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{source}"]
        sources = [self.folder / "main.cc", source / "model_data.cc"]
        subprocess.run(["g++", *flags, "-o", program, *sources], check=True)
        said = subprocess.run([program], check=True, capture_output=True).stdout
        self.assertEqual(said, content + b'in "quotes"\\ and\n lines??/')

    def test_the_same_bytes_again(self):
        content = built.content(integer_net.file())
        (_, one), (_, two) = self.measured(content), self.measured(content)
        for name in ("model_data.cc", "model_data.h", "model_operators.h"):
            self.assertEqual((one / name).read_bytes(), (two / name).read_bytes())
        self.assertIn('{"image", "int8", 256, 0.02f, 3}', (one / "model_data.h").read_text())
        self.assertIn('{"scores", "int8", 5, 0.00390625f, -128}', (one / "model_data.h").read_text())


class Resolver(unittest.TestCase):
    def test_it_has_the_operators_that_the_table_of_methods_has(self):
        kinds = {name for name in vars(tflite.BuiltinOperator) if name.isupper()} - set(NO_OPERATORS)
        self.assertGreater(len(kinds), 200)
        resolved = {kind for kind in kinds if resolves(kind)}
        self.assertEqual(resolved, {kind for kind in kinds if None not in resolver.methods([kind])})


def resolves(kind):
    """Asked in a process of its own: what it has may be no operator of this form."""
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        status = 0
        try:
            micro_interpreter.running(unary(kind), 2**20)
        except StageError as error:
            status = int(f"its resolver has no {kind}" in error.message)
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] != 256


class Measure(Stage):
    def test_its_library_has_a_size(self):
        measured = self.call("measure", tiny.model())
        self.assertEqual(measured["package"], "tflite-micro")
        self.assertGreater(measured["size"], 10**5)
