"""Quantized models: the scales that TFLite's converter is to read, and those that it would overwrite."""

import unittest

import numpy as np
from lowered import LoweredTest, meta_graph, model, random, scalar
from onnx import helper

from onnx_nhwc.handlers import quantize_linear


class Node:
    """A QuantizeLinear of one scale and zero point, which is its own `Values`."""

    inputs = ("x", "scale", "point")

    def __init__(self, scale, point):
        self._numbers = {"scale": scale, "point": point}

    def constant(self, name):
        return self._numbers[name]


class Dtype:
    def __init__(self, dtype):
        self.min, self.max = np.iinfo(dtype).min, np.iinfo(dtype).max


class Ranges(unittest.TestCase):
    def test_the_converter_comes_to_the_same_scale_and_zero_point(self):
        stream = np.random.RandomState(0)
        for dtype in (np.int8, np.uint8):
            limits = np.iinfo(dtype)
            for scale in np.exp(stream.uniform(-12, 4, size=500)).astype(np.float32):
                node = Node(scale, dtype(stream.randint(limits.min, limits.max + 1)))
                low, high = quantize_linear._range(node, node, Dtype(dtype))
                self.assertEqual((low, high), (np.float32(low), np.float32(high)))
                self.assertEqual(scale, np.float32((high - low) / 255))
                self.assertEqual(node.constant("point"), limits.min + round(-low / ((high - low) / 255)))


def pair(value, name, number):
    """Nodes that round a value by the scale of a number, to a value of a name."""
    steps = ["scale_" + str(number), "point"]
    return [
        helper.make_node("QuantizeLinear", [value, *steps], [name + "_q"]),
        helper.make_node("DequantizeLinear", [name + "_q", *steps], [name]),
    ]


class Scales(LoweredTest):
    STEPS = (scalar(0.02), scalar(0.05))

    def parted(self, nodes, x, expected):
        """How often a LeakyRelu parts scales in a model, whose outputs are checked."""
        weights = {"scale_0": self.STEPS[0], "scale_1": self.STEPS[1], "point": np.int8(0).reshape(())}
        nodes = [*pair("x", "a", 0), *nodes]
        made = model(nodes, {"x": x}, ["y"], weights)
        self.check(made, {"x": x}, {"y": expected})
        _, folder, _ = self.translate(made, {"x": x})
        return sum(node.op == "LeakyRelu" for node in meta_graph(folder).graph_def.node)

    def rounded(self, x, number):
        return np.clip(np.round(x / self.STEPS[number]), -128, 127) * self.STEPS[number]

    def test_what_moves_numbers_is_parted_from_another_scale(self):
        x = random(1, 2, 4, 4)
        pooled = self.rounded(x, 0).reshape(1, 2, 2, 2, 2, 2).max(axis=(3, 5))
        pool = helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2])
        self.assertEqual(0, self.parted([pool, *pair("b", "y", 0)], x, self.rounded(pooled, 0)))
        self.assertEqual(1, self.parted([pool, *pair("b", "y", 1)], x, self.rounded(pooled, 1)))

    def test_what_is_concatenated_is_parted_from_another_scale(self):
        x = random(1, 2, 4, 4)
        a = self.rounded(x, 0)
        both = np.concatenate([a, self.rounded(a + 1, 1)], axis=1)
        one = [helper.make_node("Constant", [], ["one"], value_float=1.0), helper.make_node("Add", ["a", "one"], ["s"])]
        concat = helper.make_node("Concat", ["a", "b"], ["c"], axis=1)
        nodes = [*one, *pair("s", "b", 1), concat, *pair("c", "y", 1)]
        self.assertEqual(1, self.parted(nodes, x, self.rounded(both, 1)))


if __name__ == "__main__":
    unittest.main()
