import hashlib
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_check import check
from stagekit import Request, StageError, arrays

OUTPUTS = {
    "check": ("simplified", "samples"),
    "compute": ("graph", "outputs"),
    "run": ("outputs",),
    "inspect": ("text",),
}


def value(name, shape=(1, 4), kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def model(nodes, inputs, outputs, weights=(), ir=6, opset=12, domains=()):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(weights))
    opsets = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1) for domain in domains]
    return helper.make_model(graph, ir_version=ir, opset_imports=opsets)


def two_branches(**options):
    """Of b and a: y = relu(b - a), n = a + 1 + 2 with a sum to fold, and c, which is a constant."""
    nodes = [
        helper.make_node("Sub", ["b", "a"], ["d"]),
        helper.make_node("Relu", ["d"], ["y"]),
        helper.make_node("Add", ["one", "two"], ["three"]),
        helper.make_node("Add", ["a", "three"], ["n"]),
        helper.make_node("Mul", ["two", "two"], ["c"]),
    ]
    weights = [weight("one", np.ones(4, np.float32)), weight("two", np.full(4, 2, np.float32))]
    outputs = [value("y"), value("n"), value("c", (4,))]
    return model(nodes, [value("b"), value("a")], outputs, weights, **options)


def in_modules():
    nodes = [
        helper.make_node("Add", ["x", "w.bias"], ["z"], "/body/body.0/Add"),
        helper.make_node("Relu", ["z"], ["y"], "/act/Relu"),
    ]
    return model(nodes, [value("x")], [value("y")], [weight("w.bias", np.ones(4, np.float32))])


def relu(**options):
    return model([helper.make_node("Relu", ["x"], ["y"])], [value("x", **options)], [value("y", **options)])


class Stage(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def call(self, operation, given, samples=None, inputs=(), **parameters):
        content = given if isinstance(given, bytes) else given.SerializeToString()
        (self.folder / "model.onnx").write_bytes(content)
        roles = {"model": "model.onnx"}
        if samples is not None:
            arrays.write(self.folder / "given.npz", samples)
            roles["samples"] = "given.npz"
        request = Request(
            {
                "id": "1",
                "operation": operation,
                "parameters": dict(parameters, inputs=list(inputs), seed=0),
                "inputs": roles,
                "outputs": {role: role for role in OUTPUTS[operation]},
            },
            self.folder,
            self.folder,
        )
        result = check.OPERATIONS[operation](request)
        if operation == "check":
            self.call("compute", given, arrays.read(self.folder / "samples"))
        return result

    def refused(self, kind, words, *arguments, **options):
        with self.assertRaisesRegex(StageError, words) as caught:
            self.call(*arguments, **options)
        self.assertEqual(caught.exception.kind, kind)
        return caught.exception

    def simplified(self):
        return onnx.load(str(self.folder / "simplified"))


class Check(Stage):
    def test_runs_the_model_and_describes_it(self):
        result = self.call("check", two_branches())
        samples, outputs = (arrays.read(self.folder / role) for role in ("samples", "outputs"))
        self.assertEqual(list(samples), ["b", "a"])
        np.testing.assert_array_equal(outputs["y"], np.maximum(samples["b"] - samples["a"], 0))
        np.testing.assert_array_equal(outputs["n"], samples["a"] + 3)
        self.assertEqual(result["inputs"], arrays.describe(samples))
        self.assertEqual(result["outputs"], arrays.describe(outputs))
        self.assertEqual(list(outputs), ["y", "n", "c"])
        self.assertEqual(result["opset"], 12)
        self.assertEqual(result["operators"], {"Add": 2, "Mul": 1, "Relu": 1, "Sub": 1})

    def test_modules_that_the_names_of_nodes_tell(self):
        expected = {"/body/body.0/Add": ["body.0", "w"], "/act/Relu": ["act"], "y": ["act"]}
        self.assertEqual(expected, self.call("check", in_modules())["modules"])
        self.assertEqual({}, self.call("check", two_branches())["modules"])

    def test_the_simplified_model_is_standard_onnx_and_equal(self):
        self.call("check", two_branches())
        simplified = self.simplified()
        onnx.checker.check_model(simplified)
        self.assertEqual([entry.domain for entry in simplified.opset_import], [""])
        self.assertEqual([value.name for value in simplified.graph.input], ["b", "a"])
        self.assertEqual([value.name for value in simplified.graph.output], ["y", "n", "c"])
        self.assertEqual(sorted(node.op_type for node in simplified.graph.node), ["Add", "Constant", "Relu", "Sub"])
        expected = arrays.read(self.folder / "outputs")
        self.call("run", simplified, arrays.read(self.folder / "samples"))
        for name, array in arrays.read(self.folder / "outputs").items():
            np.testing.assert_array_equal(array, expected[name])

    def test_batch_normalization_is_fused_into_the_convolution(self):
        parameters = [weight(name, np.full(2, number, np.float32)) for name, number in zip("sbmv", (1, 2, 3, 4))]
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["h"]),
            helper.make_node("BatchNormalization", ["h", "s", "b", "m", "v"], ["y"]),
        ]
        weights = [weight("w", np.ones((2, 1, 1, 1), np.float32)), *parameters]
        self.call("check", model(nodes, [value("x", (1, 1, 3, 3))], [value("y", (1, 2, 3, 3))], weights))
        self.assertEqual([node.op_type for node in self.simplified().graph.node], ["Conv"])

    def test_initializers_among_the_inputs_are_no_inputs(self):
        for ir in (3, 6):
            with self.subTest(ir=ir):
                given = two_branches(ir=ir)
                given.graph.input.extend([value("one", (4,)), value("two", (4,))])
                result = self.call("check", given)
                self.assertEqual([entry["name"] for entry in result["inputs"]], ["b", "a"])
                self.assertEqual([entry.name for entry in self.simplified().graph.input], ["b", "a"])
                self.assertEqual(sum(node.op_type == "Add" for node in self.simplified().graph.node), 1)

    def test_the_graph_is_put_in_words_with_inferred_shapes(self):
        self.call("check", two_branches())
        words = (self.folder / "graph").read_text()
        self.assertIn("%y = Relu(%d)", words)
        self.assertIn("%d[FLOAT, 1x4]", words)

    def test_sizes_without_a_name_are_put_in_words(self):
        nodes = [helper.make_node("Unique", ["x"], ["u"])]
        self.call("check", model(nodes, [value("x", (4,))], [value("u", (None,))]))
        self.assertIn("%u[FLOAT, ?]", (self.folder / "graph").read_text())

    def test_the_same_bytes_whatever_the_hash_seed_and_the_folder(self):
        script = (
            "import sys; from onnx_check import check; from stagekit import Request; root = sys.argv[1];"
            "check.check(Request({'id': '1', 'operation': 'check', 'parameters': {'inputs': [], 'seed': 0},"
            "'inputs': {'model': 'model.onnx'}, 'outputs': {r: 'out/' + r for r in"
            " ('simplified', 'samples')}}, root, root))"
        )
        digests = set()
        for seed in ("1", "2"):
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "model.onnx").write_bytes(two_branches().SerializeToString())
                environment = dict(os.environ, PYTHONHASHSEED=seed)
                subprocess.run([sys.executable, "-c", script, folder], env=environment, check=True)
                made = sorted((Path(folder) / "out").iterdir())
                digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in made))
        self.assertEqual(len(digests), 1)

    def test_samples_that_are_brought(self):
        given = {"x": np.array([[-1, 0, 1, 2]], np.float32)}
        self.call("check", relu(), given)
        np.testing.assert_array_equal(arrays.read(self.folder / "outputs")["y"], [[0, 0, 1, 2]])
        self.refused("usage", r"sample \[1, 3\]", "check", relu(), {"x": np.ones((1, 3), np.float32)})
        self.refused("usage", "named y", "check", relu(), {"y": np.ones((1, 4), np.float32)})

    def test_shapes_that_open_sizes_decide_are_constants_of_what_is_simplified(self):
        nodes = [
            helper.make_node("Shape", ["x"], ["shape"]),
            helper.make_node("Gather", ["shape", "zero"], ["rows"], axis=0),
            helper.make_node("Concat", ["rows", "rest"], ["wanted"], axis=0),
            helper.make_node("Reshape", ["x", "wanted"], ["y"]),
        ]
        weights = [weight("zero", np.array([0])), weight("rest", np.array([2, 2]))]
        flexible = model(nodes, [value("x", ("batch", 4))], [value("y", ("batch", 2, 2))], weights)
        self.call("check", flexible, inputs=[{"name": "x", "shape": [3, 4], "dtype": "float32"}])
        simplified = self.simplified()
        self.assertEqual([node.op_type for node in simplified.graph.node], ["Reshape"])
        self.assertEqual(simplified.graph.input[0].type.tensor_type.shape.dim[0].dim_value, 3)
        self.assertEqual(arrays.read(self.folder / "outputs")["y"].shape, (3, 2, 2))

    def test_an_input_of_no_elements(self):
        nodes = [helper.make_node("Concat", ["past", "new"], ["y"], axis=0)]
        inputs = [value("past", (0, 4)), value("new", (1, 4))]
        given = [{"name": name, "shape": [size, 4], "dtype": "float32"} for name, size in (("past", 0), ("new", 1))]
        result = self.call("check", model(nodes, inputs, [value("y", (1, 4))]), inputs=given)
        self.assertEqual([each["shape"] for each in result["inputs"]], [[0, 4], [1, 4]])

    def test_another_size_of_an_open_batch(self):
        given = {"x": np.ones((2, 4), np.float32)}
        result = self.call("check", relu(shape=("batch", 4)), given, batch=5, batched=[])
        self.assertEqual(result["inputs"], [{"name": "x", "shape": [5, 4], "dtype": "float32"}])
        self.assertEqual(arrays.read(self.folder / "outputs")["y"].shape, (5, 4))
        error = self.refused(
            "usage", r"batch of input 'x' is fixed.*\[2, 4\]", "check", relu(shape=(2, 4)), given, batch=5, batched=[]
        )
        self.assertIn("dynamic_axes", error.hint)

    def test_another_size_of_the_batch_of_some_inputs(self):
        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
        product = model(nodes, [value("x", ("batch", 4)), value("w", (4, 2))], [value("y", ("batch", 2))])
        given = {"x": np.ones((1, 4), np.float32), "w": np.ones((4, 2), np.float32)}
        self.call("check", product, given, batch=5, batched=["x"])
        self.assertEqual(arrays.read(self.folder / "outputs")["y"].shape, (5, 2))
        self.refused("usage", "batch of input 'w' is fixed", "check", product, given, batch=5, batched=["x", "w"])

    def test_an_open_size_must_be_given(self):
        open_size = relu(shape=("batch", 4))
        error = self.refused("usage", r"'x' is \?x4", "check", open_size)
        self.assertIn("--input x=1x4", error.hint)
        given = {"name": "x", "shape": [3, 4], "dtype": "float32"}
        self.assertEqual(self.call("check", open_size, inputs=[given])["inputs"], [given])


class Meant(Stage):
    """What onnxruntime 1.6.0 by itself computes otherwise."""

    def simplified(self, onnx_model, samples):
        """The simplified model, and the outputs of the stage."""
        self.call("check", onnx_model, samples)
        return onnx.load(str(self.folder / "simplified")), arrays.read(self.folder / "outputs")

    def test_casts_over_fewer_bits(self):
        integers, floats = np.array([300, -300, 40000, -1, 1 << 40]), np.float32([300.7, -3.5, 40000, 255.9, -1])
        cases = [
            (integers, TensorProto.INT64, dtype, back)
            for dtype in (np.uint8, np.int8, np.int16)
            for back in (np.int32, np.int64, np.float32)
        ]
        cases += [(floats, TensorProto.FLOAT, dtype, np.int32) for dtype in (np.uint8, np.int8, np.int16)]
        for x, kind, dtype, back in cases:
            with self.subTest(of=x.dtype, over=dtype.__name__, to=back.__name__):
                to, last = (helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(kind)] for kind in (dtype, back))
                nodes = [
                    helper.make_node("Cast", ["x"], ["a"], to=to),
                    helper.make_node("Cast", ["a"], ["y"], to=last),
                ]
                given = model(nodes, [value("x", x.shape, kind)], [value("y", x.shape, last)])
                _, found = self.simplified(given, {"x": x})
                np.testing.assert_array_equal(found["y"], np.trunc(x).astype(np.int64).astype(dtype).astype(back))

    def test_other_casts_are_left_as_they_are(self):
        nodes = [
            helper.make_node("Cast", ["x"], ["a"], to=TensorProto.INT32),
            helper.make_node("Cast", ["a"], ["y"], to=TensorProto.INT64),
        ]
        x = np.array([1, -1])
        given = model(nodes, [value("x", (2,), TensorProto.INT64)], [value("y", (2,), TensorProto.INT64)])
        simplified, found = self.simplified(given, {"x": x})
        self.assertEqual({node.op_type for node in simplified.graph.node}, {"Cast"})
        np.testing.assert_array_equal(found["y"], x)

    def test_padding_of_a_transposed_convolution(self):
        # Rows [0 1 2], [3 4 5], [6 7 8] spread two apart: of 5x5 sums the first row and column are cut.
        kernel = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
        whole = np.zeros((5, 5), np.float32)
        for row in (0, 2):
            for column in (0, 2):
                whole[row : row + 3, column : column + 3] += kernel[0, 0]
        cases = {
            "output_shape": ({"output_shape": [4, 4]}, whole[1:, 1:]),
            "upper": ({"output_shape": [4, 4], "auto_pad": "SAME_UPPER"}, whole[:4, :4]),
            "same upper": ({"auto_pad": "SAME_UPPER"}, whole[:4, :4]),
            "same lower": ({"auto_pad": "SAME_LOWER"}, whole[1:, 1:]),
            "even": ({"output_shape": [5, 3]}, whole[:, 1:4]),
        }
        for name, (attributes, expected) in cases.items():
            with self.subTest(name):
                node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2], **attributes)
                image, made = value("x", (1, 1, 2, 2)), value("y", (1, 1, *expected.shape))
                samples = {"x": np.ones((1, 1, 2, 2), np.float32)}
                simplified, found = self.simplified(model([node], [image], [made], [weight("w", kernel)]), samples)
                np.testing.assert_array_equal(found["y"][0, 0], expected)
                settings = {attribute.name for attribute in simplified.graph.node[0].attribute}
                self.assertEqual("pads" in settings, name != "even")


class Refusals(Stage):
    def test_something_else_than_onnx(self):
        self.refused("usage", "no ONNX", "check", b"")
        self.refused("usage", "no ONNX", "check", b"\x08\x06")
        self.refused("usage", "no ONNX", "check", two_branches().SerializeToString()[:40])
        self.refused("usage", "no ONNX", "inspect", b"PK\x03\x04 something else")

    def test_weights_in_other_files(self):
        given = two_branches()
        given.graph.initializer[0].data_location = TensorProto.EXTERNAL
        self.refused("usage", "weights in other files", "check", given)

    def test_external_tensors_are_found_wherever_they_are(self):
        """In onnxruntime, which would read them from any path: nobody's weights lie there."""
        outside = weight("w", np.ones(4, np.float32))
        outside.data_location = TensorProto.EXTERNAL
        outside.external_data.add(key="location", value="../../etc/passwd")
        constant = helper.make_node("Constant", [], ["w"], value=outside)
        branch = helper.make_graph([constant], "branch", [], [value("w", (4,))])
        sparse = helper.make_node("Constant", [], ["w"])
        attribute = sparse.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
        attribute.sparse_tensor.values.CopyFrom(outside)
        for nodes in (
            [constant, helper.make_node("Add", ["x", "w"], ["y"])],
            [sparse, helper.make_node("Add", ["x", "w"], ["y"])],
            [helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)],
        ):
            given = model(nodes, [value("x")], [value("y")])
            for operation in ("check", "run", "inspect"):
                samples = {"x": np.ones((1, 4), np.float32)} if operation == "run" else None
                self.refused("usage", "weights in other files", operation, given, samples=samples)

    def test_a_newer_opset_or_ir_version(self):
        self.refused("model", "opset 17", "check", two_branches(opset=17))
        self.refused("model", "ir_version", "check", two_branches(ir=9))

    def test_operators_that_are_not_standard(self):
        node = helper.make_node("Foo", ["x"], ["y"], domain="mine")
        self.refused("model", "mine.Foo", "check", model([node], [value("x")], [value("y")], domains=["mine"]))

    def test_what_the_checker_refuses(self):
        node = helper.make_node("Foo", ["x"], ["y"])
        self.refused("model", "checker.*Foo", "check", model([node], [value("x")], [value("y")]))

    def test_what_onnxruntime_can_not_load(self):
        node = helper.make_node("Conv", ["x", "x"], ["y"])
        x, y = value("x", (1, 1, 2, 2), TensorProto.DOUBLE), value("y", (1, 1, 1, 1), TensorProto.DOUBLE)
        self.refused("model", "onnxruntime.*Conv", "check", model([node], [x], [y]))

    def test_shapes_that_do_not_agree(self):
        node = helper.make_node("Relu", ["x"], ["y"])
        self.refused("model", "shapes in the model", "check", model([node], [value("x")], [value("y", (1, 5))]))

    def test_what_onnxruntime_can_not_run(self):
        nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
        given = model(nodes, [value("x"), value("shape", (2,), TensorProto.INT64)], [value("y", ("m", "n"))])
        samples = {"x": np.ones((1, 4), np.float32), "shape": np.array([3, 3])}
        self.refused("model", "onnxruntime.*Reshape", "run", given, samples)

    def test_an_input_that_is_no_tensor(self):
        sequence = onnx.ValueInfoProto(name="s")
        sequence.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
        node = helper.make_node("SequenceLength", ["s"], ["y"])
        self.refused(
            "model", "'s' is no tensor", "check", model([node], [sequence], [value("y", (), TensorProto.INT64)])
        )


class RunAndInspect(Stage):
    def test_run(self):
        samples = {"a": np.ones((1, 4), np.float32), "b": np.full((1, 4), 3, np.float32)}
        result = self.call("run", two_branches(), samples)
        self.assertEqual([entry["name"] for entry in result["outputs"]], ["y", "n", "c"])
        np.testing.assert_array_equal(arrays.read(self.folder / "outputs")["y"], np.full((1, 4), 2, np.float32))

    def test_scalars_of_every_dtype_in_words(self):
        for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.float16, np.bool_, np.uint64):
            scalar = helper.make_node("Constant", [], ["y"], value=numpy_helper.from_array(np.array(1, dtype)))
            kind = onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)]
            with self.subTest(dtype.__name__):
                self.call("inspect", model([scalar], [], [value("y", (), kind)]))
                self.assertIn("Scalar Tensor", (self.folder / "text").read_text())

    def test_inspect(self):
        self.assertEqual(self.call("inspect", two_branches()), {})
        words = (self.folder / "text").read_text()
        for expected in ("opset 12", "%b[FLOAT, 1x4]", "Sub(%b, %a)", "Relu 1"):
            self.assertIn(expected, words)

    def test_inspect_scalars_of_few_bits(self):
        scalars = [np.array(-3, np.int8), np.array(200, np.uint8), np.array(1.5, np.float16)]
        nodes = [
            helper.make_node("Constant", [], [f"c{at}"], value=numpy_helper.from_array(scalar))
            for at, scalar in enumerate(scalars)
        ]
        nodes.append(helper.make_node("Relu", ["a"], ["y"]))
        a = helper.make_tensor_value_info("a", TensorProto.FLOAT, [1])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
        self.call("inspect", model(nodes, [a], [y]))
        words = (self.folder / "text").read_text()
        for expected in ("Scalar Tensor [-3]", "Scalar Tensor [200]", "Scalar Tensor [1.5]"):
            self.assertIn(expected, words)


if __name__ == "__main__":
    unittest.main()
