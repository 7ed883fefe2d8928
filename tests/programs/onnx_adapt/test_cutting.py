import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_adapt import adapt
from stagekit import Request, StageError, arrays

ROLES = {"adapt": ("adapted", "samples", "outputs"), "run": ("outputs",), "inspect": ("text",)}


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, opset=18, ir=9, **weights):
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()]
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.example", 1)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir)


def scores(**options):
    """Of image: softmax(relu(image) @ w), the places of its two largest, and its sum with bias."""
    nodes = [
        helper.make_node("Relu", ["image"], ["features"]),
        helper.make_node("MatMul", ["features", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        helper.make_node("Add", ["probabilities", "bias"], ["shifted"]),
        helper.make_node("TopK", ["probabilities", "two"], ["best", "places"]),
    ]
    inputs = [value("image", [1, 4]), value("bias", [1, 3])]
    outputs = [value("shifted", [1, 3]), value("places", [1, 2], TensorProto.INT64)]
    weights = {"w": np.arange(12, dtype=np.float32).reshape(4, 3), "two": np.array([2])}
    return model(nodes, inputs, outputs, **weights, **options)


class Stage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, given, operation="adapt", begins=(), ends=(), inputs=(), samples=None):
        onnx.save(given, self.folder / "model.onnx")
        roles = {"model": "model.onnx"}
        if samples is not None:
            arrays.write(self.folder / "given.npz", samples)
            roles["samples"] = "given.npz"
        parameters = {"inputs": list(inputs), "seed": 0, "dequantize": False}
        parameters.update(from_tensors=list(begins), to_tensors=list(ends))
        message = {"id": "1", "operation": operation, "parameters": parameters, "inputs": roles}
        message["outputs"] = {role: role for role in ROLES[operation]}
        return adapt.OPERATIONS[operation](Request(message, self.folder, self.folder))

    def part(self, given, begins=(), ends=(), inputs=()):
        """Names of the inputs and outputs of a part, and its graph; its outputs are those of the whole model."""
        result = self.call(given, "adapt", begins, ends, inputs)
        graph = onnx.load(self.folder / "adapted").graph
        names = [[spec["name"] for spec in result[key]] for key in ("inputs", "outputs")]
        self.assertEqual(names, [[each.name for each in graph.input], [each.name for each in graph.output]])
        return names[0], names[1], graph

    def refused(self, words, hint, *arguments, **options):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.call(*arguments, **options)
        self.assertEqual(caught.exception.kind, "usage")
        self.assertIn(hint, caught.exception.hint)


class Cut(Stage):
    def test_takes_what_lies_between_two_tensors(self):
        begins, ends, graph = self.part(scores(), ["features"], ["probabilities"])
        self.assertEqual((begins, ends), (["features"], ["probabilities"]))
        self.assertEqual([node.op_type for node in graph.node], ["MatMul", "Softmax"])
        self.assertEqual([tensor.name for tensor in graph.initializer], ["w"])
        samples, outputs = (arrays.read(self.folder / role) for role in ("samples", "outputs"))
        logits = samples["features"] @ np.arange(12, dtype=np.float32).reshape(4, 3)
        exponents = np.exp(logits - logits.max())
        np.testing.assert_allclose(outputs["probabilities"], exponents / exponents.sum(), rtol=1e-5)

    def test_keeps_the_inputs_that_are_still_needed(self):
        self.assertEqual(self.part(scores(), ends=["logits"])[0], ["image"])
        self.assertEqual(self.part(scores(), ends=["shifted"])[0], ["image", "bias"])
        self.assertEqual(
            self.part(scores(), ["bias", "probabilities"])[:2], (["bias", "probabilities"], ["shifted", "places"])
        )

    def test_keeps_the_order_of_the_names(self):
        begins, ends, _ = self.part(scores(), ["probabilities", "bias"], ["best", "shifted"])
        self.assertEqual((begins, ends), (["probabilities", "bias"], ["best", "shifted"]))
        self.assertEqual(self.part(scores(), ["bias", "image"], ["shifted", "features"])[0], ["bias", "image"])

    def test_takes_one_output_of_an_operator_whose_other_is_computed(self):
        nodes = [
            helper.make_node("Split", ["x"], ["a", "b"], axis=0),
            helper.make_node("Neg", ["a"], ["c"]),
            helper.make_node("Add", ["c", "b"], ["y"]),
        ]
        halves = model(nodes, [value("x", [2, 4])], [value("y", [1, 4])], opset=13)
        self.assertEqual(self.part(halves, ["a", "x"])[0], ["a", "x"])
        samples, outputs = (arrays.read(self.folder / role) for role in ("samples", "outputs"))
        np.testing.assert_array_equal(outputs["y"], samples["x"][1:] - samples["a"])

    def test_takes_a_tensor_as_both_input_and_output(self):
        self.assertEqual(self.part(scores(), ["logits"], ["logits", "probabilities"])[1], ["logits", "probabilities"])

    def test_takes_what_the_body_of_an_operator_reads(self):
        bodies = {
            name: helper.make_graph([helper.make_node(op_type, ["h"], [name])], name, [], [value(name, [1, 4])])
            for name, op_type in (("then_branch", "Neg"), ("else_branch", "Relu"))
        }
        nodes = [
            helper.make_node("Abs", ["x"], ["h"]),
            helper.make_node("Cast", ["k"], ["c"], to=TensorProto.BOOL),
            helper.make_node("If", ["c"], ["y"], **bodies),
        ]
        chosen = model(nodes, [value("x", [1, 4]), value("k", [])], [value("y", [1, 4])])
        self.refused("needs more .* the model's input k", "--from-tensor k", chosen, begins=["h"])
        self.refused("in the body of another operator", "pinlite inspect", chosen, ends=["then_branch"])
        self.assertEqual(self.part(chosen, ["h", "c"])[0], ["h", "c"])

    def test_reads_initializers_among_the_inputs(self):
        listed = scores(opset=13, ir=3)
        listed.graph.input.extend([value("w", [4, 3]), value("two", [1], TensorProto.INT64)])
        result = self.call(listed, begins=["features"], ends=["logits"])
        self.assertEqual([spec["name"] for spec in result["inputs"]], ["features"])

    def test_takes_parts_of_plain_models(self):
        for opset in (7, 10, 13):
            nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Neg", ["a"], ["y"])]
            plain = model(nodes, [value("x", [1, 4])], [value("y", [1, 4])], opset=opset, ir=4)
            self.assertEqual([node.op_type for node in self.part(plain, ["a"])[2].node], ["Neg"])

    def test_takes_shapes_and_types_that_the_model_does_not_say(self):
        nodes = [
            helper.make_node("Unknown", ["x"], ["a"], domain="com.example"),
            helper.make_node("Relu", ["a"], ["y"]),
        ]
        foreign = model(nodes, [value("x", [1, 4])], [value("y", [1, 4])])
        self.refused("does not say what shape", "--input a=", foreign, begins=["a"])
        given = [{"name": "a", "shape": [1, 4], "dtype": "float32"}]
        self.assertEqual(self.part(foreign, ["a"], inputs=given)[0], ["a"])

    def test_asks_for_open_sizes_alone(self):
        nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Mul", ["a", "k"], ["y"])]
        open_batch = model(nodes, [value("x", ["n", 4]), value("k", [])], [value("y", ["n", 4])])
        self.refused("input 'a' is .x4", "--input a=1x4", open_batch, begins=["a", "k"])
        given = [{"name": "a", "shape": [2, 4], "dtype": "float32"}]
        self.assertEqual(self.part(open_batch, ["a", "k"], inputs=given)[0], ["a", "k"])

    def test_suggests_names(self):
        self.refused("--to-tensor logit: the model has no tensor", "did you mean logits?", scores(), ends=["logit"])
        self.refused("--from-tensor zzzz", "pinlite inspect", scores(), begins=["zzzz"])

    def test_refuses_what_does_not_bound_a_part(self):
        self.refused("the model's input bias", "--from-tensor bias", scores(), begins=["logits"])
        self.refused(
            "--from-tensor image: nothing in the part",
            "leave it out",
            scores(),
            begins=["logits", "image"],
            ends=["best"],
        )
        self.refused("--from-tensor w: this is a constant", "an operator computes", scores(), begins=["w"])


class Inspect(Stage):
    def test_names_the_tensors_with_their_operators(self):
        self.call(scores(), "inspect")
        text = (self.folder / "text").read_text()
        for line in (
            "ONNX IR version 9, opset 18",
            "%image[FLOAT, 1x4]",
            "%w[FLOAT, 4x3]",
            "%logits[FLOAT, 1x3] = MatMul(%features, %w)",
            "%places[INT64, 1x2] = TopK(%probabilities, %two)",
            "Softmax 1",
        ):
            self.assertIn(line, text)


class Run(Stage):
    def test_runs_a_model_as_it_is(self):
        samples = {"bias": np.zeros((1, 3), np.float32), "image": np.ones((1, 4), np.float32)}
        result = self.call(scores(), "run", samples=samples)
        self.assertEqual([spec["name"] for spec in result["outputs"]], ["shifted", "places"])
        self.assertEqual(arrays.read(self.folder / "outputs")["places"].tolist(), [[2, 1]])


if __name__ == "__main__":
    unittest.main()
