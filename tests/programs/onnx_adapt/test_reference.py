"""What a model is compared with: onnxruntime's outputs, or those of ONNX's own evaluator."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
from lowered import assert_same, model
from onnx import helper

from onnx_adapt import reference
from stagekit import StageError

X = {"x": np.arange(6, dtype="float32").reshape(2, 3)}


def node(op_type, inputs, outputs="y", **attributes):
    return helper.make_node(op_type, inputs.split(","), outputs.split(","), **attributes)


class Runtimes(unittest.TestCase):
    def test_onnxruntime_where_it_can(self):
        ran = reference.of(ir.from_proto(model([node("Neg", "x")], X)))
        self.assertRegex(ran.name, r"^onnxruntime-\d")
        self.assertEqual(ran.warnings, [])
        np.testing.assert_array_equal(ran.run(X)["y"], -X["x"])

    def test_onnxs_evaluator_where_onnxruntime_has_no_kernel(self):
        b = {"b": np.float32([1, 2])}
        for proto in (
            model([node("Add", "x,b", broadcast=1, axis=0)], X, b, opset=6),
            model([node("Relu", "x", "y", consumed_inputs=[0])], X, opset=1),
        ):
            ran = reference.of(ir.from_proto(proto))
            self.assertEqual(ran.name, "onnx.reference-" + onnx.__version__)
            self.assertRegex(ran.warnings[0], "Could not find an implementation for (Add|Relu).*onnx's own evaluator")
            assert_same(proto, X)

    def test_integers_are_divided_before_they_are_multiplied(self):
        given = {"a": np.int64([1, 2, 3]), "b": np.int64([10, 20, 30])}
        proto = model([node("Div", "one,a", "r"), node("Mul", "r,b")], given, {"one": np.int64(1)})
        np.testing.assert_array_equal(reference.of(ir.from_proto(proto)).run(given)["y"], [10, 0, 0])

    def test_an_output_that_is_quantized_elsewhere_is_not_rounded(self):
        nodes = [
            node("Abs", "x", "features"),
            node("Transpose", "features", "t", perm=[1, 0]),
            node("QuantizeLinear", "t,scale,zero", "q"),
            node("DequantizeLinear", "q,scale,zero"),
        ]
        proto = model(nodes, X, {"scale": np.float32(0.3), "zero": np.int8(0)}, outputs=["y", "features"])
        np.testing.assert_array_equal(reference.of(ir.from_proto(proto)).run(X)["features"], X["x"])

    def test_weights_beside_quantized_activations_are_not_rounded(self):
        constants = {"w": np.float32([[[[100]]], [[[0.3]]]]), "scale": np.float32(0.3), "zero": np.uint8(0)}
        given = {"x": np.arange(1, 5, dtype="uint8").reshape(1, 1, 2, 2)}
        nodes = [
            node("DequantizeLinear", "x,scale,zero", "real"),
            node("Conv", "real,w", "convolved"),
            node("QuantizeLinear", "convolved,scale,zero"),
        ]
        made = reference.of(ir.from_proto(model(nodes, given, constants))).run(given)["y"]
        np.testing.assert_array_equal(made[0, 1].ravel(), [0, 1, 1, 1])

    def test_a_file_is_read_where_it_lies(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.onnx")
            weights = {"w": np.arange(3000, dtype="float32").reshape(3, 1000)}
            proto = model([node("MatMul", "x,w")], X, weights)
            onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
            wanted = X["x"] @ weights["w"]
            for given in (path, None):
                with self.subTest(given=given):
                    ran = reference.of(ir.load(path), given)
                    np.testing.assert_allclose(ran.run(X)["y"], wanted, rtol=1e-6)


class Refusals(unittest.TestCase):
    def test_an_operator_that_nobody_has(self):
        proto = model([node("GroupNorm", "x")], X)
        proto.graph.node[0].domain = "com.microsoft"
        with self.assertRaisesRegex(StageError, "GroupNorm"):
            reference.of(ir.from_proto(proto))

    def test_a_model_that_contradicts_itself(self):
        proto = model([node("MatMul", "x,w")], X, {"w": np.zeros((4, 2), "float32")})
        with self.assertRaisesRegex(StageError, "neither onnxruntime .*MatMul"):
            reference.of(ir.from_proto(proto)).run(X)

    def test_numbers_that_do_not_fit(self):
        ran = reference.of(ir.from_proto(model([node("Gather", "w,i")], {"i": np.int64([5])}, {"w": np.zeros((3, 2))})))
        with self.assertRaisesRegex(StageError, "can't run the model.*Gather"):
            ran.run({"i": np.int64([5])})

    def test_what_the_evaluator_can_not_run_either(self):
        proto = model([node("Upsample", "x", mode="bilinear", height_scale=2.0, width_scale=2.0)], X, opset=1)
        with self.assertRaisesRegex(StageError, "neither onnxruntime .*bilinear"):
            reference.of(ir.from_proto(proto)).run(X)
