import tempfile
import unittest
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper
from test_check import model, value, weight

from onnx_check import check
from stagekit import Request, StageError, arrays

A = np.array([[-1, 0, 1, 2]], np.float32)


class Trace(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def trace(self, given, samples, marked=None):
        (self.folder / "model.onnx").write_bytes(given.SerializeToString())
        arrays.write(self.folder / "samples.npz", samples)
        message = {"id": "1", "operation": "trace", "parameters": {}}
        files = {"inputs": {"model": "model.onnx", "samples": "samples.npz"}, "outputs": {"values": "values.npz"}}
        if marked:
            (self.folder / "marked.onnx").write_bytes(marked.SerializeToString())
            files["inputs"]["marked"] = "marked.onnx"
        found = check.OPERATIONS["trace"](Request(dict(message, **files), self.folder, self.folder))
        self.marks = found["marks"]
        return found["nodes"], arrays.read(self.folder / "values.npz")

    def doubled_and_summed(self, *names, factor=2, operator="Add"):
        """A product of x and its sum with x, whose two values have these names."""
        nodes = [
            helper.make_node("Mul", ["x", "w"], [names[0]], name="Mul_0"),
            helper.make_node(operator, [names[0], "x"], [names[1]], name="Add_1"),
        ]
        return model(nodes, [value("x")], [value(names[1])], [weight("w", np.full(4, factor, np.float32))])

    def test_the_names_that_another_file_of_the_model_has(self):
        ours = self.doubled_and_summed("7", "y")
        self.trace(ours, {"x": A}, self.doubled_and_summed("pinlite_module_0", "y"))
        self.assertEqual({"7": "pinlite_module_0"}, self.marks)
        self.trace(ours, {"x": A})
        self.assertEqual({}, self.marks)

    def test_a_name_behind_an_identity(self):
        files = [
            model(
                [helper.make_node("Mul", ["x", "x"], ["7"]), helper.make_node("Identity", ["7"], [name])],
                [value("x")],
                [value(name)],
            )
            for name in ("y", "pinlite_module_0")
        ]
        self.trace(files[0], {"x": A}, files[1])
        self.assertEqual({"7": "pinlite_module_0", "y": "pinlite_module_0"}, self.marks)

    def test_another_model_is_refused(self):
        for change in ({"factor": 3}, {"operator": "Sub"}):
            with self.subTest(change), self.assertRaisesRegex(StageError, "another model") as caught:
                self.trace(self.doubled_and_summed("7", "y"), {"x": A}, self.doubled_and_summed("7", "y", **change))
            self.assertEqual("usage", caught.exception.kind)
            self.assertIn("--config", caught.exception.hint)

    def test_inputs_nodes_and_their_floats(self):
        nodes = [
            helper.make_node("Add", ["one", "one"], ["two"], name="folded"),
            helper.make_node("Mul", ["a/b", "two"], ["doubled"], name="top/Mul:0"),
            helper.make_node("Shape", ["doubled"], ["sizes"]),
            helper.make_node("Split", ["doubled"], ["left", "right"], axis=1, name="Split_1"),
            helper.make_node("Relu", ["right"], ["y"]),
            helper.make_node("Greater", ["doubled", "two"], ["large"]),
        ]
        outputs = [value("y", (1, 2)), value("large", (1, 4), TensorProto.BOOL), value("left", (1, 2))]
        given = model(nodes, [value("a/b", ("n", 4))], outputs, [weight("one", np.ones(4, np.float32))])
        found, values = self.trace(given, {"a/b": A})
        by_name = {node["name"]: node for node in found}
        self.assertEqual({"a_b", "top_Mul_0", "Split_1", "Relu_y", "Greater_large"}, set(by_name))
        self.assertEqual(("a_b", "Input"), (found[0]["name"], found[0]["operator"]))
        self.assertEqual(["left", "right"], by_name["Split_1"]["outputs"])
        self.assertEqual(["doubled"], by_name["Split_1"]["inputs"])
        self.assertEqual(["right"], by_name["Relu_y"]["inputs"])
        np.testing.assert_array_equal(values["a/b"], A)
        np.testing.assert_array_equal(values["doubled"], 2 * A)
        np.testing.assert_array_equal(values["right"], 2 * A[:, 2:])
        np.testing.assert_array_equal(values["y"], 2 * A[:, 2:])
        self.assertNotIn("large", values)

    def test_a_model_without_floats_is_refused(self):
        integers = [value(name, kind=TensorProto.INT64) for name in ("x", "y")]
        given = model([helper.make_node("Add", ["x", "x"], ["y"])], integers[:1], integers[1:])
        with self.assertRaisesRegex(StageError, "no floats") as caught:
            self.trace(given, {"x": np.ones((1, 4), np.int64)})
        self.assertEqual("usage", caught.exception.kind)
