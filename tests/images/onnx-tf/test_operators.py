"""The small handlers: activation, arithmetic, indexing, linear, normalization, padding and shaping."""

import unittest

import numpy as np
from lowered import LoweredTest, model, random
from onnx import helper


def scalar(value):
    return np.float32(value).reshape(())


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

    def test_vectors(self):
        a, b = random(2, 3), random(3, seed=1)
        self.check_node("Mul", {"a": a, "b": b}, a * b)


class GemmTest(LoweredTest):
    def test_linear_layer_is_one_operator(self):
        x, w, b = random(2, 5), random(4, 5), random(4)
        ops = self.check_node("Gemm", {"x": x}, x @ w.T + b, {"w": w, "b": b}, transB=1)
        self.assertEqual(ops, {"FULLY_CONNECTED": 1})

    def test_factors(self):
        x, w, b = random(2, 5), random(5, 4), random(4)
        self.check_node("Gemm", {"x": x}, 0.5 * x @ w + 2 * b, {"w": w, "b": b}, alpha=0.5, beta=2.0)

    def test_transposed_input_and_no_bias(self):
        x, w = random(5, 2), random(5, 4)
        self.check_node("Gemm", {"x": x}, x.T @ w, {"w": w}, transA=1)

    def test_bias_for_every_element(self):
        x, w, b = random(2, 5), random(5, 4), random(2, 1)
        self.check_node("Gemm", {"x": x}, x @ w + b, {"w": w, "b": b})

    def test_everything_is_an_input(self):
        x, w, b = random(2, 5), random(4, 5), random(4)
        self.check_node("Gemm", {"x": x, "w": w, "b": b}, x @ w.T + b, transB=1)


class BatchNormalizationTest(LoweredTest):
    def test_ranks(self):
        scale, offset, mean = random(3), random(3, seed=1), random(3, seed=2)
        variance = abs(random(3, seed=3))
        weights = {"scale": scale, "offset": offset, "mean": mean, "variance": variance}
        for shape in ((2, 3), (2, 3, 5), (2, 3, 5, 4)):
            with self.subTest(shape=shape):
                x = random(*shape)
                along = [-1 if axis == 1 else 1 for axis in range(len(shape))]
                s, o, m, v = (array.reshape(along) for array in (scale, offset, mean, variance))
                expected = (x - m) / np.sqrt(v + 1e-3) * s + o
                self.check_node("BatchNormalization", {"x": x}, expected, weights, epsilon=1e-3)


class PadTest(LoweredTest):
    def test_modes(self):
        x = random(1, 2, 5, 5)
        pads = np.array([0, 0, 1, 2, 0, 0, 3, 0])
        widths = [(0, 0), (0, 0), (1, 3), (2, 0)]
        self.check_node("Pad", {"x": x}, np.pad(x, widths, "constant"), {"pads": pads})
        self.check_node("Pad", {"x": x}, np.pad(x, widths, "reflect"), {"pads": pads}, mode="reflect")
        expected = np.pad(x, widths, "constant", constant_values=1.5)
        self.check_node("Pad", {"x": x}, expected, {"pads": pads, "value": scalar(1.5)})

    def test_negative_widths_crop(self):
        x = random(1, 2, 5, 5)
        pads = np.array([0, 0, -1, 2, 0, 0, 1, -2])
        expected = np.pad(x[:, :, 1:, :-2], [(0, 0), (0, 0), (0, 1), (2, 0)], "constant")
        self.check_node("Pad", {"x": x}, expected, {"pads": pads})

    def test_attributes(self):
        x = random(1, 2, 5, 5)
        expected = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], "constant")
        self.check_node("Pad", {"x": x}, expected, opset=2, pads=[0, 0, 1, 1, 0, 0, 1, 1])


class ShapingTest(LoweredTest):
    def test_reshape(self):
        x = random(2, 3, 4, 5)
        for shape, expected in (((0, -1), (2, 60)), ((6, 20), (6, 20)), ((0, 0, 20), (2, 3, 20))):
            with self.subTest(shape=shape):
                self.check_node("Reshape", {"x": x}, x.reshape(expected), {"shape": np.array(shape)})

    def test_flatten(self):
        x = random(2, 3, 4, 5)
        for axis, expected in ((0, (1, 120)), (1, (2, 60)), (2, (6, 20)), (-1, (24, 5))):
            with self.subTest(axis=axis):
                self.check_node("Flatten", {"x": x}, x.reshape(expected), axis=axis)

    def test_flatten_of_an_image_keeps_the_order_of_onnx(self):
        x, w = random(1, 3, 4, 4), random(2, 3, 1, 1)
        nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Flatten", ["a"], ["y"])]
        expected = np.einsum("oc,nchw->nohw", w[:, :, 0, 0], x).reshape(1, -1)
        self.check(model(nodes, {"x": x}, ["y"], {"w": w}), {"x": x}, {"y": expected})


class IndexingTest(LoweredTest):
    def test_gather(self):
        x = random(2, 3, 4)
        for axis, indices in ((1, [2, 0, -1]), (2, 1), (-1, [[0, 1], [-4, 3]])):
            with self.subTest(axis=axis, indices=indices):
                expected = np.take(x, indices, axis=axis)
                self.check_node("Gather", {"x": x}, expected, {"indices": np.array(indices)}, axis=axis)

    def test_gather_by_an_input(self):
        x, indices = random(5, 4), np.array([2, -1, 0])
        node = helper.make_node("Gather", ["w", "indices"], ["y"])
        self.check(model([node], {"indices": indices}, ["y"], {"w": x}), {"indices": indices}, {"y": x[indices]})

    def test_slice(self):
        x = random(2, 8, 9)
        cases = {
            "plain": ([1, 2], [4, 5], [1, 2], [1, 1], x[:, 1:4, 2:5]),
            "negative": ([-3], [2**31], [-1], [1], x[:, :, -3:]),
            "steps": ([0], [9], [2], [3], x[:, :, 0:9:3]),
            "backwards": ([-1], [-(2**31)], [1], [-1], x[:, ::-1]),
        }
        for name, (starts, ends, axes, steps, expected) in cases.items():
            with self.subTest(name):
                weights = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
                weights = {key: np.array(value) for key, value in weights.items()}
                self.check_node("Slice", {"x": x}, expected, weights)


if __name__ == "__main__":
    unittest.main()
