import math
import unittest

import numpy as np
from lowered import LoweredTest, model, random, scalar
from onnx import helper
from reference import conv


class ClipTest(LoweredTest):
    def test_bounds(self):
        x = 5 * random(1, 3, 4, 4)
        bounds = {
            "RELU6": (scalar(0), scalar(6)),
            "RELU": (scalar(0), scalar(np.finfo(np.float32).max)),
            "MAXIMUM": (scalar(-1), scalar(3.5)),
        }
        for operator, (low, high) in bounds.items():
            with self.subTest(operator):
                ops = self.check_node("Clip", {"x": x}, np.clip(x, low, high), {"low": low, "high": high})
                self.assertIn(operator, ops)

    def test_one_bound(self):
        x = 5 * random(1, 3, 4, 4)
        ops = self.check_node("Clip", {"x": x}, np.maximum(x, 0), {"low": scalar(0)})
        self.assertEqual(ops, {"RELU": 1})
        node = helper.make_node("Clip", ["x", "", "high"], ["y"])
        self.check(model([node], {"x": x}, ["y"], {"high": scalar(1)}), {"x": x}, {"y": np.minimum(x, 1)})

    def test_bounds_as_attributes(self):
        x = 5 * random(1, 3, 4, 4)
        self.assertEqual(self.check_node("Clip", {"x": x}, np.clip(x, 0, 6), opset=6, min=0.0, max=6.0), {"RELU6": 1})

    def test_bounds_that_are_inputs(self):
        x, low = random(2, 3), scalar(-0.5)
        self.check_node("Clip", {"x": x, "low": low}, np.maximum(x, low))

    def test_integers(self):
        x, high = np.arange(-3, 3), np.array(1)
        node = helper.make_node("Clip", ["x", "", "high"], ["y"])
        self.check(model([node], {"x": x}, ["y"], {"high": high}), {"x": x}, {"y": np.minimum(x, 1)})


class FusedTest(LoweredTest):
    """What the converter knows by its parts."""

    def test_prelu_per_channel(self):
        x, slope = random(1, 3, 4, 4), random(3, 1, 1)
        ops = self.check_node("PRelu", {"x": x}, np.where(x < 0, slope * x, x), {"slope": slope})
        self.assertEqual(ops["PRELU"], 1)

    def test_prelu_of_an_image_that_is_turned(self):
        x, kernel, slope = random(1, 3, 4, 4), random(5, 3, 1, 1), random(5, 1, 1)
        nodes = [helper.make_node("Conv", ["x", "k"], ["c"]), helper.make_node("PRelu", ["c", "s"], ["y"])]
        seen = np.einsum("nchw,oc->nohw", x, kernel[:, :, 0, 0])
        expected = np.where(seen < 0, slope * seen, seen)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"k": kernel, "s": slope}), {"x": x}, {"y": expected})
        self.assertEqual(ops, {"TRANSPOSE": 2, "CONV_2D": 1, "PRELU": 1})

    def test_prelu_with_one_slope(self):
        x, slope = random(1, 3, 4, 4), random(1)
        self.check_node("PRelu", {"x": x}, np.where(x < 0, slope * x, x), {"slope": slope})

    def test_hardswish_after_a_convolution(self):
        x, w = random(1, 3, 5, 5), random(4, 3, 1, 1)
        constants = {"three": scalar(3), "zero": scalar(0), "six": scalar(6)}
        forms = {
            "x times (relu6 / 6)": [("Div", ["c", "six"], "e"), ("Mul", ["a", "e"], "y")],
            "(x times relu6) / 6": [("Mul", ["a", "c"], "e"), ("Div", ["e", "six"], "y")],
        }
        for form, ending in forms.items():
            with self.subTest(form):
                nodes = [
                    helper.make_node("Conv", ["x", "w"], ["a"]),
                    helper.make_node("Add", ["a", "three"], ["b"]),
                    helper.make_node("Clip", ["b", "zero", "six"], ["c"]),
                    *(helper.make_node(op, inputs, [output]) for op, inputs, output in ending),
                ]
                a = conv(x, w)
                expected = {"y": a * np.clip(a + 3, 0, 6) / 6}
                ops = self.check(model(nodes, {"x": x}, ["y"], dict(constants, w=w)), {"x": x}, expected)
                self.assertEqual(ops, {"TRANSPOSE": 2, "CONV_2D": 1, "HARD_SWISH": 1})

    def test_hardswish(self):
        x = 4 * random(1, 3, 4, 4)
        nodes = [
            helper.make_node("HardSigmoid", ["x"], ["a"], alpha=1 / 6, beta=0.5),
            helper.make_node("Mul", ["x", "a"], ["y"]),
        ]
        expected = x * np.clip(x / 6 + 0.5, 0, 1)
        ops = self.check(model(nodes, {"x": x}, ["y"]), {"x": x}, {"y": expected})
        self.assertEqual(ops, {"HARD_SWISH": 1})

    def test_hardswish_of_a_convolution(self):
        x, kernel = random(1, 3, 4, 4), random(5, 3, 1, 1)
        nodes = [
            helper.make_node("Conv", ["x", "k"], ["c"]),
            helper.make_node("HardSigmoid", ["c"], ["a"], alpha=1 / 6, beta=0.5),
            helper.make_node("Mul", ["c", "a"], ["y"]),
        ]
        seen = np.einsum("nchw,oc->nohw", x, kernel[:, :, 0, 0])
        expected = seen * np.clip(seen / 6 + 0.5, 0, 1)
        ops = self.check(model(nodes, {"x": x}, ["y"], {"k": kernel}), {"x": x}, {"y": expected})
        self.assertEqual(ops, {"TRANSPOSE": 2, "CONV_2D": 1, "HARD_SWISH": 1})


class FormulaTest(LoweredTest):
    def test_formulas(self):
        x = 3 * random(2, 3, 4)
        below = np.expm1(np.minimum(x, 0))
        cases = (
            ("Elu", {"alpha": 0.5}, np.maximum(x, 0) + 0.5 * below),
            ("Elu", {}, np.maximum(x, 0) + below),
            ("Selu", {"alpha": 2.0, "gamma": 3.0}, 3 * (np.maximum(x, 0) + 2 * below)),
            ("Celu", {"alpha": 2.0}, np.maximum(x, 0) + 2 * np.expm1(np.minimum(x, 0) / 2)),
            ("HardSigmoid", {}, np.clip(0.2 * x + 0.5, 0, 1)),
            ("Softplus", {}, np.log1p(np.exp(x))),
            ("Softsign", {}, x / (1 + abs(x))),
            ("ThresholdedRelu", {"alpha": 2.0}, np.where(x > 2, x, 0)),
        )
        for op_type, attributes, expected in cases:
            with self.subTest(op_type, **attributes):
                self.check_node(op_type, {"x": x}, expected.astype(np.float32), **attributes)

    def test_softplus_of_large_numbers(self):
        x = np.float32([[-200, -20, 0, 20, 200]])
        self.check_node("Softplus", {"x": x}, np.float32([[0, np.exp(-20), np.log(2), 20, 200]]))

    def test_erf(self):
        x = np.linspace(-6, 6, 10001, dtype=np.float32)
        expected = np.array([math.erf(value) for value in x])
        _, _, found = self.translate(model([helper.make_node("Erf", ["x"], ["y"])], {"x": x}, ["y"]), {"x": x})
        np.testing.assert_allclose(found["y"], expected, rtol=1e-6, atol=2e-7)
        self.check_node("Erf", {"x": x}, expected.astype(np.float32))

    def test_a_chain_of_activations_is_spelled_out(self):
        # TensorFlow's optimizer makes one operator of it, which TFLite does not know.
        x = random(2, 3)
        names = ("x", "a", "b", "y")
        nodes = [helper.make_node(op, [names[at]], [names[at + 1]]) for at, op in enumerate(("Neg", "Exp", "Tanh"))]
        self.check(model(nodes, {"x": x}, ["y"]), {"x": x}, {"y": np.tanh(np.exp(-x))})


class SoftmaxTest(LoweredTest):
    def softmax(self, x, axis):
        powers = np.exp(x - x.max(axis=axis, keepdims=True))
        return powers / powers.sum(axis=axis, keepdims=True)

    def test_along_an_axis(self):
        x = random(2, 3, 4)
        for axis in (0, 1, -1):
            with self.subTest(axis=axis):
                expected = self.softmax(x, axis)
                self.check_node("Softmax", {"x": x}, expected, opset=13, axis=axis)
                self.check_node("LogSoftmax", {"x": x}, np.log(expected), opset=13, axis=axis)

    def test_along_all_axes_from_one_on(self):
        x = random(2, 3, 4)
        self.check_node("Softmax", {"x": x}, self.softmax(x.reshape(2, 12), 1).reshape(x.shape), opset=12, axis=1)

    def test_hardmax(self):
        x = random(2, 3)
        self.check_node("Hardmax", {"x": x}, np.eye(3, dtype=np.float32)[x.argmax(axis=1)], opset=13)


class DropoutTest(LoweredTest):
    def test_evaluation(self):
        x = random(2, 3)
        node = helper.make_node("Dropout", ["x"], ["y", "mask"])
        self.check(model([node], {"x": x}, ["y", "mask"]), {"x": x}, {"y": x, "mask": np.ones(x.shape, bool)})


if __name__ == "__main__":
    unittest.main()
