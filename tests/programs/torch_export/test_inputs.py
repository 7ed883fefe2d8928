"""What the model is fed, and what it says to it."""

import numpy as np
from stage import RefusedError, StageCase

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

    def test_other_sizes_of_the_batch(self):
        self.write_model("return self.linear(x) * x.shape[0]", "self.linear = nn.Linear(3, 2)")
        result = self.export(batches=[4, 5])
        self.assertEqual(result["samples"]["x"].shape, (1, 3))
        for batch in (4, 5):
            fed, made = (arrays.read(self.folder / "out" / f"{role}.{batch}") for role in ("samples", "outputs"))
            self.assertEqual((fed["x"].shape, made["output"].shape), ((batch, 3), (batch, 2)))
            self.assertGreater(np.abs(np.diff(fed["x"], axis=0)).max(), 0.1)
            self.assertNotEqual((self.folder / "out" / "model.4").read_bytes(), result["model"])

    def test_a_model_for_one_size_of_the_batch_only(self):
        self.write_model("return x.reshape(1, 3)")
        with self.assertRaises(RefusedError) as caught:
            self.export(batches=[4])
        self.assertEqual(caught.exception.kind, "usage")
        self.assertIn("(x: [4, 3] of float32)", caught.exception.message)
        self.assertIn("--dynamic-batch", caught.exception.hint)

    def test_inputs_without_a_batch_in_common(self):
        self.write_model("return x")
        self.write(
            "from torch import nn\nclass Two(nn.Module):\n    def forward(self, a, b):\n        return a + b", "two.py"
        )
        inputs = [{"name": name, "shape": [size, 3], "dtype": "float32"} for name, size in (("a", 2), ("b", 1))]
        with self.assertRaisesRegex(RefusedError, "2 of a, 1 of b"):
            self.export("Two", module="two", inputs=inputs, batches=[4])

    def test_an_input_that_the_model_ignores_stays_in_its_place(self):
        self.write_model("return x")
        self.write(
            "from torch import nn\nclass Two(nn.Module):\n    def forward(self, ignored, used):\n        return -used",
            "two.py",
        )
        inputs = [{"name": name, "shape": [1, 3], "dtype": "float32"} for name in ("ignored", "used")]
        model = self.export("Two", module="two", inputs=inputs)["model"]
        self.assertLess(0, model.rindex(b"ignored"))
        self.assertLess(model.rindex(b"ignored"), model.rindex(b"used"))

    def test_ids_are_rows_of_the_embedding_that_they_choose_from(self):
        self.write(
            """
            from torch import nn
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.many, self.two = nn.Embedding(30, 4), nn.Embedding(2, 4)
                def forward(self, ids, types):
                    return self.many(ids) + self.two(types.long()).relu()
            """
        )
        kinds = (("ids", "int64"), ("types", "int32"))
        inputs = [{"name": name, "shape": [1, 50], "dtype": dtype} for name, dtype in kinds]
        samples = self.export(inputs=inputs, batches=[4])["samples"]
        wider = arrays.read(self.folder / "out" / "samples.4")
        self.assertEqual([array.max() for array in samples.values()], [9, 1])
        self.assertEqual([array.max() for array in wider.values()], [9, 1])

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

    def test_other_opsets(self):
        self.write_model("return x * 2")
        self.refused("model", "Unsupported ONNX opset version: 6", opset=6)
        for opset in (7, 11):
            self.export(opset=opset)
