"""What the model is fed, and what it says to it."""

import numpy as np
from stage import StageCase
from stagekit import arrays


class Inputs(StageCase):
    def samples(self, **named):
        arrays.write(self.folder / "given.npz", named)
        return {"samples": self.folder / "given.npz"}

    def test_samples_alone_give_names_order_shapes_and_types(self):
        self.write_model("return x")
        self.write(
            "from torch import nn\nclass Two(nn.Module):\n    def forward(self, a, b):\n        return a.float() - b",
            "two.py",
        )
        files = self.samples(z=np.ones((2, 2), "int64"), a=np.zeros((2, 2), "float32"))
        result = self.export("Two", module="two", inputs=[], files=files)
        self.assertEqual(["z", "a"], [spec["name"] for spec in result["inputs"]])
        self.assertEqual(["int64", "float32"], [spec["dtype"] for spec in result["inputs"]])
        self.assertTrue((result["arrays"]["output"] == 1).all())

    def test_samples_are_kept_as_they_were_fed(self):
        self.write_model("x += 1\nreturn x * 2")
        result = self.export(files=self.samples(x=np.ones((1, 3), "float32")))
        self.assertTrue((result["samples"]["x"] == 1).all())
        self.assertTrue((result["arrays"]["output"] == 4).all())

    def test_samples_that_are_not_the_inputs(self):
        self.write_model("return x")
        self.refused("usage", "'x'", "[1, 3]", "[1, 4]", files=self.samples(x=np.ones((1, 4), "float32")))
        self.refused("usage", "y", files=self.samples(y=np.ones((1, 3), "float32")))
        self.refused("usage", "torch has no such", inputs=[], files=self.samples(x=np.ones((1, 3), "uint16")))

    def test_no_inputs(self):
        self.write_model("return x")
        self.refused("usage", "inputs", inputs=[], hint="--input NAME=1x3x224x224")

    def test_wrong_shape(self):
        self.write_model("return self.conv(x)", "self.conv = nn.Conv2d(3, 4, 1)")
        fed = "(x: [1, 3] of float32)"
        self.refused("usage", "the model fails on its inputs", fed, "4-dimensional", "(net.py:11)", hint="--input")

    def test_wrong_dtype_and_number(self):
        self.write_model("return self.linear(x)", "self.linear = nn.Linear(3, 4)")
        double = [{"name": "x", "shape": [1, 3], "dtype": "float64"}]
        self.refused("usage", "x: [1, 3] of float64", "scalar type", inputs=double)
        two = [{"name": name, "shape": [1, 3], "dtype": "float32"} for name in "xy"]
        self.refused("usage", "y: [1, 3] of float32", "positional argument", inputs=two, hint="forward takes (x)")

    def test_opset_out_of_range(self):
        self.write_model("return x * 2")
        for opset in (6, 13):
            self.refused("usage", f"opset 7 to 12, not {opset}", opset=opset, hint="--opset 12")
        for opset in (7, 11):
            self.export(opset=opset)
