"""Arithmetic, elementary functions and logic."""

import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import helper


class ArithmeticTest(LoweredTest):
    def test_operators(self):
        x = random(1, 3, 4, 4)
        w = 2 + abs(random(3, 1, 1))
        for op_type, expected in (("Add", x + w), ("Sub", x - w), ("Mul", x * w), ("Div", x / w)):
            with self.subTest(op_type):
                self.check_node(op_type, {"x": x}, expected, {"w": w})

    def test_a_constant_per_channel_keeps_the_layout(self):
        x, w, s = random(1, 3, 6, 6), random(3, 3, 1, 1), random(3, 1, 1)
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["a"]),
            helper.make_node("Mul", ["s", "a"], ["b"]),
            helper.make_node("Conv", ["b", "w"], ["y"]),
        ]
        kernel = w[:, :, 0, 0]
        expected = np.einsum("oc,nchw->nohw", kernel, s * np.einsum("oc,nchw->nohw", kernel, x))
        ops = self.check(model(nodes, {"x": x}, ["y"], {"w": w, "s": s}), {"x": x}, {"y": expected})
        self.assertEqual(ops["TRANSPOSE"], 2)

    def test_two_inputs(self):
        a, b = random(1, 3, 4, 4), random(1, 3, 1, 1, seed=1)
        self.check_node("Add", {"a": a, "b": b}, a + b)

    def test_quotients_are_rounded_towards_zero(self):
        x = np.array([7, -7, 7, -7, -(2**31), 2**31 - 1, 0], np.int32)
        y = np.array([2, 2, -2, -2, 2, -3, 5], np.int32)
        expected = np.trunc(x / y.astype(np.float64)).astype(np.int32)
        self.assertEqual(self.check_node("Div", {"x": x}, expected, {"y": y}, opset=13), {"DIV": 1})
        few = slice(0, 5)
        self.check_node("Div", {"x": x[few], "y": y[few]}, expected[few], opset=13)

    def test_what_is_masked_stays_infinite(self):
        x, seen = random(2, 2, 3, 3), np.array([[True, False, True], [False] * 3, [True] * 3])
        nodes = [
            helper.make_node("Where", ["seen", "zero", "hidden"], ["mask"]),
            helper.make_node("Add", ["x", "mask"], ["masked"]),
            helper.make_node("Softmax", ["masked"], ["shares"]),
            helper.make_node("IsNaN", ["shares"], ["nothing"]),
            helper.make_node("Where", ["nothing", "zero", "shares"], ["y"]),
        ]
        powers = np.where(seen, np.exp(x), 0)
        expected = powers / np.maximum(powers.sum(-1, keepdims=True), 1e-9)
        samples = {"x": x, "seen": seen}
        numbers = {"zero": np.zeros(1, np.float32), "hidden": np.full(1, -np.inf, np.float32)}
        self.check(model(nodes, samples, ["y"], numbers, opset=13), samples, {"y": expected})

    def test_what_several_masks_hide_stays_infinite(self):
        x, fed = random(2, 2, 3, 3), random(3, 3, seed=1)
        seen = np.array([[[[True, False, True]]], [[[False] * 3]]])
        causal = np.triu(np.full((3, 3), -np.inf, np.float32), 1)
        nodes = [
            helper.make_node("Where", ["seen", "zero", "hidden"], ["padding"]),
            helper.make_node("Unsqueeze", ["padding"], ["more"], axes=[0]),
            helper.make_node("Squeeze", ["more"], ["same"], axes=[0]),
            helper.make_node("Add", ["fed", "causal"], ["bias"]),
            helper.make_node("Add", ["same", "bias"], ["mask"]),
            helper.make_node("Add", ["x", "mask"], ["y"]),
            helper.make_node("ReduceMax", ["mask"], ["largest"], axes=[-1]),
            helper.make_node("Equal", ["largest", "hidden"], ["nothing"]),
        ]
        mask = np.where(seen, np.float32(0), -np.inf) + (fed + causal)
        samples = {"x": x, "fed": fed, "seen": seen}
        numbers = {"zero": np.zeros(1, np.float32), "hidden": np.full(1, -np.inf, np.float32), "causal": causal}
        expected = {"y": x + mask, "nothing": mask.max(-1, keepdims=True) == -np.inf}
        self.check(model(nodes, samples, [*expected], numbers, opset=12), samples, expected)

    def test_vectors(self):
        a, b = random(2, 3), random(3, seed=1)
        self.check_node("Mul", {"a": a, "b": b}, a * b)

    def test_more_dimensions_than_tflite_broadcasts_over(self):
        a, b = random(2, 3, 1, 4, 2, 3), random(2, 1, 5, 1, 2, 3, seed=1)
        self.check_node("Sub", {"a": a, "b": b}, a - b)
        self.check_node("Where", {"c": a > 0, "a": a, "b": b}, np.where(a > 0, a, b))

    def test_integers(self):
        a, b = np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])
        cases = (
            ("Add", {}, a + b),
            ("Div", {}, np.array([3, -3, -3, 3])),
            ("Mod", {}, a % b),
            ("Mod", {"fmod": 1}, np.fmod(a, b)),
            ("Max", {}, np.maximum(a, b)),
        )
        for op_type, attributes, expected in cases:
            with self.subTest(op_type, **attributes):
                self.check_node(op_type, {"a": a, "b": b}, expected, **attributes)

    def test_what_is_multiplied_by_itself_is_a_product(self):
        for dtype in (np.int32, np.int64, np.float32):
            x = np.array([[7, -3, 0, 40000]], dtype)
            node = helper.make_node("Mul", ["x", "x"], ["y"])
            ops = self.check(model([node], {"x": x}, ["y"]), {"x": x}, {"y": x * x})
            self.assertEqual(ops["MUL"], 1)
            self.assertNotIn("SQUARE", ops)

    def test_the_size_of_integers(self):
        for dtype in (np.int32, np.int64):
            x = np.array([[7, -3, 0, -40000]], dtype)
            self.check_node("Abs", {"x": x}, np.abs(x))

    def test_several_operands(self):
        a, b, c = random(2, 3), random(3, seed=1), random(2, 1, seed=2)
        samples = {"a": a, "b": b, "c": c}
        self.check_node("Sum", samples, a + b + c)
        self.check_node("Mean", samples, (a + b + c) / 3)
        self.check_node("Min", samples, np.minimum(np.minimum(a, b), c))

    def test_powers(self):
        x = abs(random(2, 3)) + 0.5
        for exponent, operator in ((2.0, "MUL"), (0.5, "SQRT"), (3.0, "MUL"), (-1.0, "DIV"), (1.7, "POW")):
            with self.subTest(exponent=exponent):
                ops = self.check_node("Pow", {"x": x}, x**exponent, {"exponent": np.float32(exponent)})
                self.assertIn(operator, ops)


class ElementaryTest(LoweredTest):
    def test_functions(self):
        x = np.linspace(-0.99, 0.99, 34, dtype=np.float32).reshape(2, 17)
        functions = {
            "Acos": np.arccos,
            "Asin": np.arcsin,
            "Asinh": np.arcsinh,
            "Atan": np.arctan,
            "Atanh": np.arctanh,
            "Cosh": np.cosh,
            "Reciprocal": np.reciprocal,
            "Sign": np.sign,
            "Sinh": np.sinh,
            "Tan": np.tan,
        }
        for op_type, function in functions.items():
            with self.subTest(op_type):
                self.check_node(op_type, {"x": x}, function(x))

    def test_far_from_zero(self):
        x = np.float32([-1e6, -30, -1, 0, 1, 30, 1e6])
        self.check_node("Atan", {"x": x}, np.arctan(x))
        self.check_node("Acosh", {"x": abs(x) + 1}, np.arccosh(abs(x) + 1))

    def test_where_a_square_or_power_overflows(self):
        x = np.float32([-3e38, -1e20, -1e19, -1e10, 1e10, 1e19, 1e20, 3e38, 1, -1, 0])
        self.check_node("Asinh", {"x": x}, np.arcsinh(x))
        self.check_node("Acosh", {"x": abs(x) + 1}, np.arccosh(abs(x) + 1))
        x = np.float32([-89, -88, -1, 0, 1, 88, 89])
        self.check_node("Sinh", {"x": x}, np.sinh(x))
        self.check_node("Cosh", {"x": x}, np.cosh(x))

    def test_no_number_and_what_lies_outside(self):
        x = np.float32([np.nan, 2, -2, 1e4, -1e4, 1e20, -1e20, np.inf, -np.inf])
        with np.errstate(invalid="ignore"):
            functions = {"Asin": np.arcsin(x), "Acos": np.arccos(x), "Atan": np.arctan(x), "Acosh": np.arccosh(x[:-2])}
            functions.update(Asinh=np.arcsinh(x[:-2]), Sinh=np.sinh(x[:3]), Cosh=np.cosh(x[:3]), Sign=np.sign(x[1:]))
        for op_type, expected in functions.items():
            with self.subTest(op_type):
                samples = x[1:] if op_type == "Sign" else x[: len(expected)]
                self.check_node(op_type, {"x": samples}, expected)

    def test_the_sign_of_zero(self):
        x = np.float32([-0.0, 0.0])
        for op_type in ("Atan", "Asin", "Asinh"):
            _, _, found = self.translate(model([helper.make_node(op_type, ["x"], ["y"])], {"x": x}, ["y"]), {"x": x})
            np.testing.assert_array_equal(np.signbit(found["y"]), np.signbit(x))

    def test_the_ends_of_the_domain(self):
        # TensorFlow computes many at once otherwise than a few.
        x = np.float32([-1, 1] * 8)
        self.check_node("Asin", {"x": x}, np.arcsin(x))
        self.check_node("Acos", {"x": x}, np.arccos(x))

    def test_what_is_no_number(self):
        x = np.float32([np.nan, np.inf, -np.inf, 1])
        self.check_node("IsNaN", {"x": x}, np.isnan(x))
        self.check_node("IsInf", {"x": x}, np.isinf(x))
        self.check_node("IsInf", {"x": x}, x == -np.inf, detect_positive=0)


class LogicTest(LoweredTest):
    def test_comparisons(self):
        a, b = np.float32([[1, 2, 3]]), np.float32([[2], [3]])
        for op_type, expected in (("Equal", a == b), ("Greater", a > b), ("LessOrEqual", a <= b)):
            with self.subTest(op_type):
                self.check_node(op_type, {"a": a, "b": b}, expected)

    def test_connectives(self):
        a, b = np.array([[True, False]]), np.array([[True], [False]])
        for op_type, expected in (("And", a & b), ("Or", a | b), ("Xor", a ^ b)):
            with self.subTest(op_type):
                self.check_node(op_type, {"a": a, "b": b}, expected)


class CastTest(LoweredTest):
    def test_cast(self):
        x = np.float32([-1.5, 0, 2.5])
        for dtype in (np.int32, np.int64, np.bool_):
            with self.subTest(dtype=dtype):
                to = helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(dtype)]
                self.check_node("Cast", {"x": x}, x.astype(dtype), to=to)


if __name__ == "__main__":
    unittest.main()
