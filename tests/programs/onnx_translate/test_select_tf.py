"""What TFLite's own operators can't say, and TensorFlow's can."""

import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import TensorProto, helper

from stagekit import StageError


def cast(source, target, dtype):
    return helper.make_node("Cast", [source], [target], to=dtype)


class SelectTest(LoweredTest):
    def refusal(self, onnx_model, samples, **settings):
        with self.assertRaises(StageError) as caught:
            self.translate(onnx_model, samples, **settings)
        self.assertEqual(caught.exception.kind, "model")
        return caught.exception

    def test_sums_in_float64(self):
        x = random(2, 3, 50)
        nodes = [
            cast("x", "d", TensorProto.DOUBLE),
            helper.make_node("CumSum", ["d", "axis"], ["s"], reverse=1),
            cast("s", "y", TensorProto.FLOAT),
        ]
        onnx_model = model(nodes, {"x": x}, ["y"], {"axis": np.array(2)})
        expected = x.astype(np.float64)[:, :, ::-1].cumsum(2)[:, :, ::-1].astype(np.float32)
        found = self.check(onnx_model, {"x": x}, {"y": expected}, select_tf=True)
        self.assertEqual((found["FlexCumsum"], found["FlexCast"]), (1, 2))
        error = self.refusal(onnx_model, {"x": x})
        self.assertIn("float64", error.message)
        self.assertIn("--ops auto", error.hint)

    def test_integers_of_8_and_of_16_bits(self):
        x = np.float32([[-3, 0, 7, 60]])
        for dtype in (TensorProto.INT8, TensorProto.INT16):
            nodes = [
                cast("x", "i", dtype),
                helper.make_node("Add", ["i", "i"], ["s"]),
                cast("s", "y", TensorProto.FLOAT),
            ]
            with self.subTest(dtype):
                self.check(model(nodes, {"x": x}, ["y"]), {"x": x}, {"y": x * 2}, select_tf=True)

    def test_a_product_whose_sums_float32_does_not_count(self):
        a = np.random.RandomState(0).randint(0, 256, size=(2, 600)).astype(np.uint8)
        b = np.random.RandomState(1).randint(200, 256, size=(600, 3)).astype(np.uint8)
        onnx_model = model([helper.make_node("MatMulInteger", ["a", "b"], ["y"])], {"a": a}, ["y"], {"b": b})
        _, _, found = self.translate(onnx_model, {"a": a}, select_tf=True)
        np.testing.assert_array_equal(found["y"], a.astype(np.int32) @ b.astype(np.int32))
        self.assertIn("float32 counts", self.refusal(onnx_model, {"a": a}).message)

    def test_what_the_runtime_can_not_be_fed_stays_refused(self):
        x = random(2, 3).astype(np.float64)
        onnx_model = model([helper.make_node("Add", ["x", "x"], ["y"])], {"x": x}, ["y"])
        error = self.refusal(onnx_model, {"x": x}, select_tf=True)
        self.assertIn("float64", error.message)
        self.assertNotIn("--ops", error.hint)

    def test_a_dtype_that_nothing_computes_with_stays_refused(self):
        nodes = [cast("x", "i", TensorProto.UINT32), cast("i", "y", TensorProto.FLOAT)]
        error = self.refusal(model(nodes, {"x": random(2)}, ["y"]), {"x": random(2)}, select_tf=True)
        self.assertIn("uint32", error.message)
        self.assertNotIn("--ops", error.hint)


if __name__ == "__main__":
    unittest.main()
