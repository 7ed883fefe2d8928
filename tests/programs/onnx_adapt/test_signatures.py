"""Inputs and outputs as odd exporters write them."""

import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper
from test_cutting import Stage, model, value

from stagekit import arrays

RELU = [helper.make_node("Relu", ["x"], ["y"])]
X = {"name": "x", "shape": [1, 4], "dtype": "float32"}


class Signatures(Stage):
    def fed(self, given, inputs=()):
        """The samples, by name, of a model that the stage takes; its file has their shapes."""
        result = self.call(given, inputs=inputs)
        adapted = onnx.load(self.folder / "adapted").graph
        names = dict.fromkeys(each.name for each in given.graph.output)
        self.assertEqual([spec["name"] for spec in result["outputs"]], list(names))
        weights = {tensor.name for tensor in adapted.initializer}
        shapes = {
            each.name: tuple(size.dim_value for size in each.type.tensor_type.shape.dim)
            for each in adapted.input
            if each.name not in weights
        }
        samples = arrays.read(self.folder / "samples")
        self.assertEqual({name: array.shape for name, array in samples.items()}, shapes)
        return samples

    def test_sizes_that_are_no_sizes_are_open(self):
        for size in (-1, 0):
            odd = model(RELU, [value("x", [size, 4])], [value("y", [size, 4])])
            self.refused(r"input 'x' is \?x4", "--input x=1x4", odd)
            self.fed(odd, [X])
            self.call(odd, "run", samples={"x": np.ones((3, 4), np.float32)})

    def test_shapes_and_types_may_be_missing(self):
        odd = model(RELU, [value("x", None)], [value("y", None)])
        odd.graph.output[0].ClearField("type")
        self.refused("does not say what shape input 'x' has", "--input x=", odd)
        self.fed(odd, [X])

    def test_what_is_passed_on_or_ignored_stays(self):
        for inputs, outputs, weights in (
            (["x", "ignored"], ["y"], {}),
            (["x"], ["y", "x"], {}),
            (["x"], ["y", "w"], {"w": np.ones((1, 4), np.float32)}),
            (["x", "w"], ["y"], {"w": np.ones((1, 4), np.float32)}),
            (["x"], ["y", "y"], {}),
        ):
            fed, made = ([value(name, [1, 4]) for name in names] for names in (inputs, outputs))
            samples = self.fed(model(RELU, fed, made, **weights))
            self.assertEqual(list(samples), [name for name in inputs if name not in weights])

    def test_ids_are_rows_of_what_they_choose_from(self):
        nodes = [
            helper.make_node("Cast", ["types"], ["places"], to=TensorProto.INT64),
            helper.make_node("Gather", ["two", "places"], ["a"]),
            helper.make_node("Gather", ["many", "ids"], ["b"]),
            helper.make_node("Add", ["a", "b"], ["y"]),
        ]
        inputs = [value("ids", [1, 50], TensorProto.INT64), value("types", [1, 50], TensorProto.INT32)]
        tables = {"two": np.ones((2, 4), np.float32), "many": np.ones((30, 4), np.float32)}
        samples = self.fed(model(nodes, inputs, [value("y", [1, 50, 4])], **tables))
        self.assertEqual([array.max() for array in samples.values()], [9, 1])


if __name__ == "__main__":
    unittest.main()
