"""A number between what has weights: the converter makes it part of its neighbours, and must leave the rest alone."""

import unittest

import numpy as np
from lowered import LoweredTest, model, random, scalar
from onnx import helper
from reference import conv


def relu(x):
    return np.maximum(x, 0)


OPERATORS = {
    "Add": lambda x, c: x + c,
    "Sub": lambda x, c: x - c,
    "Mul": lambda x, c: x * c,
    "Div": lambda x, c: x / c,
}
ACTIVATIONS = {
    "Relu": relu,
    "HardSigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
}


class FusingTest(LoweredTest):
    def test_an_activation_between_a_number_and_a_product(self):
        x, w, b = 2 * random(2, 8), random(8, 4), random(4)
        for op_type, function in OPERATORS.items():
            for constant in (scalar(-0.7), np.full((1, 1), -0.7, np.float32)):
                for activation, activate in ACTIVATIONS.items():
                    with self.subTest(op_type, activation=activation, shape=constant.shape):
                        settings = {"alpha": 1 / 6} if activation == "HardSigmoid" else {}
                        nodes = [
                            helper.make_node(op_type, ["x", "c"], ["a"]),
                            helper.make_node(activation, ["a"], ["b"], **settings),
                            helper.make_node("Gemm", ["b", "w", "bias"], ["y"]),
                        ]
                        expected = activate(function(x, constant)) @ w + b
                        weights = {"c": constant, "w": w, "bias": b}
                        self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})

    def test_a_long_row_of_numbers_and_activations_before_a_product(self):
        x, w, names = abs(random(2, 8)), random(8, 4), ["x"]
        nodes = []
        for at in range(300):
            nodes += [
                helper.make_node("Mul", [names[-1], "c"], [f"m{at}"]),
                helper.make_node("Relu", [f"m{at}"], [f"r{at}"]),
            ]
            names.append(f"r{at}")
        nodes.append(helper.make_node("MatMul", [names[-1], "w"], ["y"]))
        expected = (x * np.float32(0.99) ** 300) @ w
        self.check(model(nodes, {"x": x}, ["y"], {"c": scalar(0.99), "w": w}), {"x": x}, {"y": expected})

    def test_bounds_between_a_number_and_a_product(self):
        x, weights = 2 * random(2, 8), {"c": scalar(0.4), "low": scalar(-1), "high": scalar(1), "w": random(8, 4)}
        nodes = [
            helper.make_node("Sub", ["x", "c"], ["a"]),
            helper.make_node("Clip", ["a", "low", "high"], ["b"]),
            helper.make_node("MatMul", ["b", "w"], ["y"]),
        ]
        expected = np.clip(x - 0.4, -1, 1) @ weights["w"]
        self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})

    def test_a_number_between_two_products(self):
        x, w, v, b = random(2, 8), random(8, 4), random(4, 3), random(4)
        for constant in (scalar(0.4), np.float32([0.4]), np.float32([[0.4]]), random(4), random(2, 4)):
            for op_type, function in OPERATORS.items():
                for bias in ([], ["bias"]):
                    with self.subTest(op_type, shape=constant.shape, bias=bias):
                        nodes = [
                            helper.make_node("Gemm", ["x", "w", *bias], ["a"]),
                            helper.make_node(op_type, ["a", "c"], ["b"]),
                            helper.make_node("Relu", ["b"], ["r"]),
                            helper.make_node("Gemm", ["r", "v"], ["y"]),
                        ]
                        expected = relu(function(x @ w + (b if bias else 0), constant)) @ v
                        weights = {"c": constant, "w": w, "v": v, "bias": b}
                        ops = self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})
                        self.assertEqual(ops["FULLY_CONNECTED"], 2)

    def test_values_of_one_number(self):
        x = np.float32([[-1.5]])
        weights = {"c": scalar(0.4), "w": random(1, 4)}
        for op_type, function in OPERATORS.items():
            with self.subTest(op_type):
                nodes = [
                    helper.make_node(op_type, ["x", "c"], ["a"]),
                    helper.make_node("Relu", ["a"], ["b"]),
                    helper.make_node("MatMul", ["b", "w"], ["c1"]),
                    helper.make_node("Add", ["c1", "c"], ["y"]),
                ]
                expected = relu(function(x, np.float32(0.4))) @ weights["w"] + np.float32(0.4)
                self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})

    def test_a_number_between_convolutions(self):
        x, w, v, d, b = random(1, 3, 6, 6), random(4, 3, 3, 3), random(2, 4, 3, 3), random(4, 1, 3, 3), random(4)
        seen = conv(x, w, b, pads=(1, 1, 1, 1))
        behind = {
            "VALID": ({}, v, lambda r: conv(r, v)),
            "SAME": ({"pads": [1, 1, 1, 1]}, v, lambda r: conv(r, v, pads=(1, 1, 1, 1))),
            "depthwise": ({"group": 4}, d, lambda r: conv(r, d, group=4)),
            "dilated": ({"group": 4, "dilations": [2, 2]}, d, lambda r: conv(r, d, group=4, dilations=(2, 2))),
        }
        for constant in (scalar(0.4), np.float32([0.4]), random(6), random(4, 1, 1), random(4, 6, 6)):
            for op_type, function in OPERATORS.items():
                for name, (settings, kernel, convolve) in behind.items():
                    with self.subTest(op_type, shape=constant.shape, behind=name):
                        nodes = [
                            helper.make_node("Conv", ["x", "w", "bias"], ["a"], pads=[1, 1, 1, 1]),
                            helper.make_node("Tanh", ["a"], ["t"]),
                            helper.make_node(op_type, ["t", "c"], ["b"]),
                            helper.make_node("Relu", ["b"], ["r"]),
                            helper.make_node("Conv", ["r", "k"], ["y"], **settings),
                        ]
                        expected = convolve(relu(function(np.tanh(seen), constant)))
                        weights = {"c": constant, "w": w, "k": kernel, "bias": b}
                        self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": expected})

    def test_a_constant_beside_a_bias(self):
        x, w, b = random(1, 3, 6, 6), random(4, 3, 3, 3), random(4)
        for constant in (np.float32([0.4]), np.full((1, 1, 1, 1), 0.4, np.float32), random(4)):
            with self.subTest(shape=constant.shape):
                nodes = [helper.make_node("Conv", ["x", "w", "b"], ["a"]), helper.make_node("Add", ["a", "c"], ["y"])]
                weights = {"c": constant, "w": w, "b": b}
                self.check(model(nodes, {"x": x}, ["y"], weights), {"x": x}, {"y": conv(x, w, b) + constant})

    def test_a_bias_of_one_number(self):
        x, w = random(3, 4), random(4, 8)
        for constant in (scalar(0.4), np.float32([0.4]), np.float32([[0.4]]), random(3, 1)):
            with self.subTest(shape=constant.shape):
                self.check_node("Gemm", {"x": x}, x @ w + constant, {"w": w, "c": constant})


if __name__ == "__main__":
    unittest.main()
