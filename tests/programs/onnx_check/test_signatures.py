"""Inputs and outputs as odd exporters write them."""

import unittest

import numpy as np
from onnx import TensorProto, helper
from test_check import Stage, model, value, weight

from stagekit import arrays


def node(op_type, inputs, outputs, **attributes):
    return helper.make_node(op_type, inputs.split(), outputs.split(), **attributes)


RELU = [node("Relu", "x", "y")]
X = {"name": "x", "shape": [1, 4], "dtype": "float32"}


class Signatures(Stage):
    def fed(self, nodes, inputs, outputs, weights=(), given=()):
        """The samples, by name, of a model that the stage takes."""
        self.call("check", model(nodes, inputs, outputs, weights), inputs=given)
        made = [each.name for each in self.simplified().graph.output]
        self.assertEqual(made, [each.name for each in outputs])
        return arrays.read(self.folder / "samples")

    def test_sizes_that_are_no_sizes_are_open(self):
        for size in (-1, 0):
            odd = model(RELU, [value("x", (size, 4))], [value("y", (size, 4))])
            error = self.refused("usage", r"input 'x' is \?x4", "check", odd)
            self.assertIn("--input x=1x4", error.hint)
            self.call("check", odd, inputs=[X])
            self.call("run", odd, samples={"x": np.ones((3, 4), np.float32)})

    def test_an_input_without_a_shape_takes_the_one_that_is_given(self):
        odd = model(RELU, [value("x", None)], [value("y", None)])
        error = self.refused("usage", "does not say what shape input 'x' has", "check", odd)
        self.assertIn("--input x=", error.hint)
        self.call("check", odd, inputs=[X])
        (size, width) = self.simplified().graph.input[0].type.tensor_type.shape.dim
        self.assertEqual((size.dim_value, width.dim_value), (1, 4))

    def test_only_what_is_open_has_to_be_given(self):
        nodes = [node("Mul", "x k", "y")]
        samples = self.fed(nodes, [value("x", (None, 4)), value("k", ())], [value("y", (None, 4))], given=[X])
        self.assertEqual((samples["x"].shape, samples["k"].shape), ((1, 4), ()))
        odd = model(nodes, [value("x", (None, 4)), value("k", ())], [value("y", (None, 4))])
        error = self.refused(
            "usage", "--input names 'z', the inputs of the model are x, k", "check", odd, inputs=[dict(X, name="z")]
        )
        self.assertTrue(error.hint)

    def test_an_output_needs_no_type(self):
        untyped = value("y")
        untyped.ClearField("type")
        self.fed(RELU, [value("x")], [untyped])

    def test_what_is_passed_on_or_ignored_stays(self):
        ones = weight("w", np.ones((1, 4), np.float32))
        for inputs, outputs, weights in (
            (["x", "ignored"], ["y"], []),
            (["x"], ["y", "x"], []),
            (["x"], ["y", "w"], [ones]),
            (["x"], ["y", "y"], []),
        ):
            samples = self.fed(RELU, list(map(value, inputs)), list(map(value, outputs)), weights)
            self.assertEqual(list(samples), inputs)

    def test_a_scalar_of_any_type_is_made(self):
        kinds = (TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL)
        inputs = [value("x"), *(value(f"k{kind}", (), kind) for kind in kinds)]
        samples = self.fed(RELU, inputs, [value("y")])
        self.assertTrue(all(array.shape == () for name, array in samples.items() if name != "x"))

    def test_a_model_of_no_inputs_is_refused(self):
        odd = model([node("Relu", "w", "y")], [], [value("y", (4,))], [weight("w", np.ones(4, np.float32))])
        self.refused("model", "has no inputs", "check", odd)

    def test_a_model_of_no_outputs_is_refused(self):
        self.refused("usage", "has no outputs", "check", model(RELU, [value("x")], []))

    def test_an_input_that_is_no_number_is_refused_by_its_type(self):
        for word in ("COMPLEX64", "STRING", "BFLOAT16"):
            odd = model(RELU, [value("x", (1, 4), TensorProto.DataType.Value(word))], [value("y")])
            self.refused("model", f"'x' is {word.lower()}: pinlite converts", "check", odd)

    def test_ids_are_rows_of_what_they_choose_from(self):
        nodes = [
            node("Cast", "types", "places", to=TensorProto.INT64),
            node("Gather", "two places", "a"),
            node("Gather", "many ids", "b"),
            node("Add", "a b", "y"),
        ]
        inputs = [value("ids", (1, 50), TensorProto.INT64), value("types", (1, 50), TensorProto.INT32)]
        tables = [weight("two", np.ones((2, 4), np.float32)), weight("many", np.ones((30, 4), np.float32))]
        odd = model(nodes, inputs, [value("y", (1, 50, 4))], tables)
        self.assertEqual(self.call("check", odd)["index_bounds"], {"types": 2})
        samples = arrays.read(self.folder / "samples")
        self.assertEqual((samples["ids"].max(), samples["types"].max()), (9, 1))

    def test_integers_of_a_mask_are_0_and_1_for_the_calibration_too(self):
        inputs = [value(name, (1, 50), TensorProto.INT64) for name in ("attention_mask", "ids")]
        odd = model([node("Add", "attention_mask ids", "y")], inputs, [value("y", (1, 50), TensorProto.INT64)])
        self.assertEqual(self.call("check", odd)["index_bounds"], {"attention_mask": 2})


if __name__ == "__main__":
    unittest.main()
