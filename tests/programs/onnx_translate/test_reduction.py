import unittest

import numpy as np
from lowered import LoweredTest, model, random, scalar
from onnx import helper


class ReductionTest(LoweredTest):
    def test_functions(self):
        x = abs(random(2, 3, 4)) + 0.1
        functions = {
            "ReduceL1": lambda axes: abs(x).sum(axes, keepdims=True),
            "ReduceL2": lambda axes: np.sqrt((x * x).sum(axes, keepdims=True)),
            "ReduceLogSum": lambda axes: np.log(x.sum(axes, keepdims=True)),
            "ReduceLogSumExp": lambda axes: np.log(np.exp(x).sum(axes, keepdims=True)),
            "ReduceMax": lambda axes: x.max(axes, keepdims=True),
            "ReduceMean": lambda axes: x.mean(axes, keepdims=True),
            "ReduceMin": lambda axes: x.min(axes, keepdims=True),
            "ReduceProd": lambda axes: x.prod(axes, keepdims=True),
            "ReduceSumSquare": lambda axes: (x * x).sum(axes, keepdims=True),
        }
        for op_type, function in functions.items():
            with self.subTest(op_type):
                self.check_node(op_type, {"x": x}, function((0, 2)), axes=[-1, 0])
                self.check_node(op_type, {"x": x}, function((1,)).squeeze(1), axes=[1], keepdims=0)

    def test_axes_as_an_input(self):
        x = random(2, 3, 4)
        self.check_node("ReduceSum", {"x": x}, x.sum(1, keepdims=True), {"axes": np.array([1])}, opset=13)

    def test_all_axes_or_none(self):
        x = random(2, 3)
        self.check_node("ReduceSum", {"x": x}, x.sum(keepdims=True), opset=13)
        self.check_node("ReduceSum", {"x": x}, x, opset=13, noop_with_empty_axes=1)

    def test_truth(self):
        x = random(2, 3, 4) > 0.5
        self.check_node("ReduceMax", {"x": x}, x.any((0, 2)), axes=[0, 2], keepdims=0)
        self.check_node("ReduceMin", {"x": x}, x.all(1, keepdims=True), axes=[1])

    def test_large_exponents(self):
        x = np.float32([[100, 101, 99]])
        expected = 101 + np.log(np.exp(x - 101).sum(1, keepdims=True))
        self.check_node("ReduceLogSumExp", {"x": x}, expected, axes=[1])

    def test_exponents_that_are_infinite(self):
        x = np.float32([[-np.inf, -np.inf], [-np.inf, 1], [2, 1]])
        onnx_model = model([helper.make_node("ReduceLogSumExp", ["x"], ["y"], axes=[1])], {"x": x}, ["y"])
        _, _, found = self.translate(onnx_model, {"x": x})
        self.close(found["y"], np.logaddexp(x[:, :1], x[:, 1:]))

    def test_small_integers(self):
        x = np.array([[7, 200], [3, 9]], np.uint8)
        self.check_node("ReduceMax", {"x": x}, x.max(1, keepdims=True), opset=13, axes=[1])
        self.check_node("ReduceMin", {"x": x}, x.min(1, keepdims=True), opset=13, axes=[1])


class ArgTest(LoweredTest):
    def test_arg(self):
        x = np.float32([[2, 1, 2], [3, 10, 1]])
        self.check_node("ArgMax", {"x": x}, x.argmax(1)[:, np.newaxis], axis=1)
        self.check_node("ArgMin", {"x": x}, x.argmin(0), axis=0, keepdims=0)
        self.check_node("ArgMax", {"x": x}, np.array([2, 1]), axis=-1, keepdims=0, select_last_index=1)

    def test_what_is_equal_behind_an_activation(self):
        x = np.float32([[-2, -1, -3], [0.3, 0.6, 0.1], [7, 9, 8]])
        activations = {
            "Relu": np.maximum(x, 0),
            "Clip": np.clip(x, 0, 6),
            "Floor": np.floor(x),
            "Ceil": np.ceil(x),
            "Sign": np.sign(x),
            "Identity": np.maximum(x, 0),
        }
        for activation, values in activations.items():
            weights = {"low": scalar(0), "high": scalar(6)} if activation == "Clip" else {}
            first = helper.make_node(activation, ["x", *weights], ["a"])
            for op_type, function in (("ArgMax", np.argmax), ("ArgMin", np.argmin)):
                with self.subTest(activation, op_type=op_type):
                    second = helper.make_node("Relu", ["a"], ["b"])
                    arg = helper.make_node(op_type, ["b"], ["y"], axis=1, keepdims=0)
                    onnx_model = model([first, second, arg], {"x": x}, ["y"], weights)
                    self.check(onnx_model, {"x": x}, {"y": function(np.maximum(values, 0), axis=1)})


class CumulativeSumTest(LoweredTest):
    def test_cumulative_sum(self):
        x = random(2, 3, 4)
        axis = {"axis": np.array(1)}
        sums = x.cumsum(1)
        before = np.concatenate([np.zeros_like(x[:, :1]), sums[:, :-1]], axis=1)
        self.check_node("CumSum", {"x": x}, sums, axis)
        self.check_node("CumSum", {"x": x}, before, axis, exclusive=1)
        self.check_node("CumSum", {"x": x}, x[:, ::-1].cumsum(1)[:, ::-1], axis, reverse=1)

    def test_integers(self):
        x = np.array([[16777217, 2, -3]])
        for dtype in (np.int32, np.int64):
            self.check_node("CumSum", {"x": x.astype(dtype)}, x.astype(dtype).cumsum(1), {"axis": np.array(1)})

    def test_what_is_not_finite_counts_for_later_sums_alone(self):
        x = np.float32([[1, 2, np.inf, 4, 5], [1, np.nan, 3, 4, 5], [1, 2, 3, np.inf, -np.inf]])
        for reverse, expected in ((0, x.cumsum(1)), (1, x[:, ::-1].cumsum(1)[:, ::-1])):
            node = helper.make_node("CumSum", ["x", "axis"], ["y"], reverse=reverse)
            # Not in the interpreter, whose ADD of this version gives the largest float instead of what is infinite.
            _, _, found = self.translate(model([node], {"x": x}, ["y"], {"axis": np.array(1)}), {"x": x})
            self.close(found["y"], expected)

    def test_more_dimensions_than_tflite_pads(self):
        x = random(2, 2, 3, 7, 2)
        for axis in range(x.ndim):
            self.check_node("CumSum", {"x": x}, x.cumsum(axis), {"axis": np.array(axis)})


class TopKTest(LoweredTest):
    def test_along_each_axis(self):
        x = random(3, 4, 5)
        for axis, largest in ((2, 1), (1, 0)):
            with self.subTest(axis=axis, largest=largest):
                places = np.argsort(-x if largest else x, axis=axis).take([0, 1], axis=axis)
                node = helper.make_node("TopK", ["x", "k"], ["y", "places"], axis=axis, largest=largest)
                expected = {"y": np.take_along_axis(x, places, axis), "places": places}
                self.check(model([node], {"x": x}, ["y", "places"], {"k": np.array([2])}), {"x": x}, expected)


if __name__ == "__main__":
    unittest.main()
