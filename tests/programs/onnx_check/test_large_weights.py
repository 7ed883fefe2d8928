"""Weights that onnxruntime reads from the model's own file: what it writes is the same as with all weights inside."""

import unittest
from unittest import mock

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from test_check import Stage, model, value, weight

from onnx_check import light_model, simplify
from stagekit import arrays, wire

RANDOM = np.random.RandomState(0)


def random(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def layers():
    """A convolution whose weights are multiplied, dense layers, a table, and a constant product of two weights."""
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["c"], kernel_shape=[1, 1]),
        helper.make_node("Mul", ["c", "scale"], ["m"]),
        helper.make_node("Reshape", ["m", "shape"], ["r"]),
        helper.make_node("MatMul", ["r", "dense"], ["d"]),
        helper.make_node("Gemm", ["d", "dense", "bias"], ["g"], transB=1),
        helper.make_node("Gather", ["table", "i"], ["t"]),
        helper.make_node("MatMul", ["dense", "last"], ["folded"]),
        helper.make_node("MatMul", ["g", "folded"], ["p"]),
        helper.make_node("Add", ["p", "t"], ["y"]),
    ]
    weights = {
        "kernel": random(8, 8, 1, 1),
        "scale": random(8, 1, 1),
        "shape": np.array([4, 8], np.int64),
        "dense": random(8, 8),
        "bias": random(8),
        "table": random(20, 8),
        "last": random(8, 8),
    }
    tensors = [weight(name, array) for name, array in weights.items()]
    # Numbers that are no bytes stay where they are.
    tensors[-1] = helper.make_tensor("last", TensorProto.FLOAT, [8, 8], weights["last"].ravel())
    inputs = [value("x", (1, 8, 2, 2)), value("i", (4,), TensorProto.INT64)]
    return model(nodes, inputs, [value("y", (4, 8))], tensors), weights


def computed(samples, weights):
    x = np.einsum("bchw,ocij->bohw", samples["x"], weights["kernel"]) * weights["scale"]
    y = x.reshape(4, 8) @ weights["dense"] @ weights["dense"].T + weights["bias"]
    return y @ (weights["dense"] @ weights["last"]) + weights["table"][samples["i"]]


class LargeWeights(Stage):
    def setUp(self):
        super().setUp()
        # In bytes, as if it were a million.
        patch = mock.patch.object(wire, "LARGE", 128)
        patch.start()
        self.addCleanup(patch.stop)

    def test_the_simplified_model_is_the_same_to_the_last_byte(self):
        given, weights = layers()
        with mock.patch.object(light_model, "referring", wraps=light_model.referring) as referring:
            self.call("check", given)
        referred = referring.call_args[0][1]
        self.assertEqual(referred, {"dense", "table", "last"})
        there = (self.folder / "simplified").read_bytes()
        outputs = arrays.read(self.folder / "outputs")
        np.testing.assert_allclose(
            outputs["y"], computed(arrays.read(self.folder / "samples"), weights), rtol=1e-4, atol=1e-5
        )
        with mock.patch.object(simplify, "LEFT_ALONE", ()):
            self.call("check", given)
        self.assertEqual((self.folder / "simplified").read_bytes(), there)
        np.testing.assert_array_equal(arrays.read(self.folder / "outputs")["y"], outputs["y"])

    def test_all_numbers_are_in_the_simplified_model(self):
        given, weights = layers()
        self.call("check", given)
        found = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.simplified().graph.initializer}
        for name in ("dense", "table"):
            np.testing.assert_array_equal(found[name], weights[name])


if __name__ == "__main__":
    unittest.main()
