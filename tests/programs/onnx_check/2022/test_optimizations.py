"""What onnxruntime 1.12 would make of a model, and 1.6 does not."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from test_check import Stage, model

from stagekit import arrays


class Optimizations(Stage):
    def test_integers_are_divided_before_they_are_multiplied(self):
        a, b, y = (helper.make_tensor_value_info(name, TensorProto.INT32, [3]) for name in "aby")
        nodes = [helper.make_node("Div", ["one", "a"], ["r"]), helper.make_node("Mul", ["r", "b"], ["y"])]
        given = {"a": np.int32([1, 2, 3]), "b": np.int32([10, 20, 30])}
        proto = model(nodes, [a, b], [y], [numpy_helper.from_array(np.array(1, "int32"), "one")])
        self.call("check", proto, given)
        np.testing.assert_array_equal(arrays.read(self.folder / "outputs")["y"], [10, 0, 0])
        self.assertEqual([node.op_type for node in self.simplified().graph.node], ["Div", "Mul"])

    def test_a_transpose_that_moves_nothing(self):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 2]) for name in "xy")
        weights = {"w": np.float32([[1, 2], [3, 4]]), "b": np.float32([5, 6])}
        nodes = [
            helper.make_node("Transpose", ["x"], ["t"], perm=[0, 1]),
            helper.make_node("MatMul", ["t", "w"], ["p"]),
            helper.make_node("Add", ["p", "b"], ["y"]),
        ]
        given = {"x": np.float32([[1, 2], [3, 4]])}
        proto = model(nodes, [x], [y], [numpy_helper.from_array(array, name) for name, array in weights.items()])
        self.call("check", proto, given)
        wanted = given["x"] @ weights["w"] + weights["b"]
        np.testing.assert_array_equal(arrays.read(self.folder / "outputs")["y"], wanted)


del Stage
