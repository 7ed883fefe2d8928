"""What the model is fed, and what it says to it."""

import numpy as np
import torch
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

    def test_a_dict_s_keys_are_named_as_inputs(self):
        self.write_model("return x['ids'].float() + x['mask'][0] + x['ids'].size(0)")
        keys = "of a dict each key is an input of its own: --input x.ids=SHAPE --input x.mask=SHAPE"
        self.refused("usage", "the model fails on its inputs (x: ", hint=keys)
        self.refused("usage", "nobody says what the model's inputs are", inputs=[], hint=keys)

    def test_a_batch_of_some_inputs(self):
        self.write(
            "from torch import nn\nclass Two(nn.Module):\n    def forward(self, a, b):\n        return a @ b", "two.py"
        )
        inputs = [{"name": name, "shape": shape, "dtype": "float32"} for name, shape in (("a", [2, 3]), ("b", [3, 4]))]
        request = {"callable_": "Two", "module": "two", "inputs": inputs, "batches": [5]}
        self.export(batched=["a"], **request)
        fed = arrays.read(self.folder / "out" / "samples.5")
        self.assertEqual({"a": (5, 3), "b": (3, 4)}, {name: array.shape for name, array in fed.items()})
        with self.assertRaisesRegex(RefusedError, "--dynamic names 'c', the inputs of the model are a, b"):
            self.export(batched=["c"], **request)

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

    def specs(self, *named, shape=(2, 3)):
        return [{"name": name, "shape": list(shape), "dtype": "float32"} for name in named]

    def forward(self, signature, answer):
        """A module ``net`` with a Module ``Net`` of this forward."""
        head = "from torch import nn\n\nclass Net(nn.Module):\n"
        self.write(f"{head}    def forward(self, {signature}):\n        return {answer}")

    def exported(self, *named, **parameters):
        """The names of the inputs, and whether outputs are those of a * 2 - b, for the inputs named a and b."""
        result = self.export(inputs=self.specs(*named), **parameters)
        fed = {name.rpartition(".")[2]: array for name, array in result["samples"].items()}
        np.testing.assert_allclose(result["arrays"]["output"], fed["a"] * 2 - fed["b"], rtol=1e-6)
        for spec in result["inputs"]:
            self.assertIn(spec["name"].encode(), result["model"])
        return [spec["name"] for spec in result["inputs"]]

    def test_inputs_by_the_names_of_parameters(self):
        self.forward("a, b", "a * 2 - b")
        self.assertEqual(["a", "b"], self.exported("a", "b"))
        self.assertEqual(["a", "b"], self.exported("b", "a"))
        self.assertEqual(["x", "y"], [spec["name"] for spec in self.export(inputs=self.specs("x", "y"))["inputs"]])

    def test_optional_parameters_may_be_left_out(self):
        self.forward("a, mask=None, b=None, *, scale=None", "(a if mask is None else a * mask) * 2 - b")
        self.assertEqual(["a", "b"], self.exported("a", "b"))
        self.forward("a, *, b", "a * 2 - b")
        self.assertEqual(["a", "b"], self.exported("b", "a"))
        self.forward("**batch", "batch['a'] * 2 - batch['b']")
        self.assertEqual(["b", "a"], self.exported("b", "a"))

    def test_dicts_and_lists_of_inputs(self):
        self.forward("batch, b", "batch['image']['a'] * 2 - b")
        prune = {"prune": 0.5, "structured": False, "cluster": None, "finetune": None, "qat": None}
        given = {"inputs": self.specs("b", "batch.image.a"), "training": prune}
        self.refused("usage", "by its inputs' positions", hint="in the order of forward", **given)
        self.assertEqual(["batch.image.a", "b"], self.exported("b", "batch.image.a"))
        self.forward("images", "sum(images)")
        result = self.export(inputs=self.specs("images.0", "images.1"))
        np.testing.assert_allclose(result["arrays"]["output"], sum(result["samples"].values()), rtol=1e-6)

    def test_fixed_values(self):
        self.forward("a, b, rate, mode='slow'", "a * rate - b if mode == 'fast' else a.missing")
        fixed = {"rate": 2, "mode": "fast"}
        self.assertEqual(["a", "b"], self.exported("a", "b", fixed=fixed))
        result = self.export(inputs=self.specs("x", "y"), fixed=fixed)
        np.testing.assert_allclose(
            result["arrays"]["output"], result["samples"]["x"] * 2 - result["samples"]["y"], rtol=1e-6
        )

    def test_what_can_not_be_fixed(self):
        self.forward("a, b=None", "a")
        given = {"inputs": self.specs("a")}
        self.refused("usage", "--fix rate: forward has no such", hint="takes (a, b=None)", fixed={"rate": 1}, **given)
        self.refused("usage", "--fix a: is an input, too", fixed={"a": 1}, **given)
        scripted = {"source": self.save(torch.jit.script(torch.nn.ReLU()), "model.pt")}
        self.refused("usage", "--fix a: the file takes tensors alone", files=scripted, fixed={"a": 1}, **given)

    def test_inputs_that_the_model_does_not_use(self):
        self.forward("first, a, ids, b, last", "a * 2 - b * ids.shape[0] / 2")
        names = ["first", "a", "ids", "b", "last"]
        self.assertEqual(names, self.exported(*names))

    def test_a_number_by_itself(self):
        self.forward("a, k", "a * k")
        scalar = {"name": "k", "shape": [], "dtype": "int64"}
        result = self.export(inputs=[*self.specs("a"), scalar])
        self.assertEqual([[2, 3], []], [spec["shape"] for spec in result["inputs"]])
        np.testing.assert_allclose(
            result["arrays"]["output"], result["samples"]["a"] * result["samples"]["k"], rtol=1e-6
        )


class Preprocessing(StageCase):
    def step(self, name="x", dtype="uint8", layout="nhwc", mean=(), std=()):
        return {"name": name, "dtype": dtype, "layout": layout, "mean": list(mean), "std": list(std)}

    def exported(self, *steps, **parameters):
        """The array that the model gets, and what stands for it in the file."""
        self.write_model("return x")
        inputs = [{"name": "x", "shape": [1, 3, 4, 5], "dtype": "float32"}]
        result = self.export(inputs=inputs, preprocessing=steps, **parameters)
        return result["arrays"]["output"], result["samples"]["x"]

    def test_pixels_of_a_camera(self):
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        taken, pixels = self.exported(self.step(mean=mean, std=std))
        self.assertEqual(((1, 4, 5, 3), "uint8"), (pixels.shape, str(pixels.dtype)))
        self.assertGreater(pixels.max(), 200)
        np.testing.assert_allclose(taken, ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2), atol=1e-6)

    def test_single_steps(self):
        taken, pixels = self.exported(self.step(dtype="float32"))
        np.testing.assert_array_equal(taken, pixels.transpose(0, 3, 1, 2))
        taken, pixels = self.exported(self.step(layout="nchw"))
        np.testing.assert_allclose(taken, pixels / 255, rtol=1e-6)
        taken, pixels = self.exported(self.step(dtype="float32", layout="nchw", mean=[0.5], std=[1, 2, 4]))
        np.testing.assert_allclose(taken, (pixels - 0.5) / np.reshape([1, 2, 4], (3, 1, 1)), atol=1e-6)

    def test_with_samples_and_names(self):
        self.write(
            "from torch import nn\n\nclass Net(nn.Module):\n    def forward(self, a, b):\n        return a + b['c']"
        )
        inputs = [{"name": name, "shape": [1, 3, 2, 2], "dtype": "float32"} for name in ("b.c", "a")]
        result = self.export(inputs=inputs, preprocessing=[self.step("b.c")])
        self.assertEqual(["a", "b.c"], [spec["name"] for spec in result["inputs"]])
        a, pixels = result["samples"].values()
        np.testing.assert_allclose(result["arrays"]["output"], a + pixels.transpose(0, 3, 1, 2) / 255, rtol=1e-5)

    def test_of_torchscript(self):
        files = {"source": self.save(torch.jit.script(torch.nn.ReLU()), "model.pt")}
        taken, pixels = self.exported(self.step(), files=files)
        np.testing.assert_allclose(taken, pixels.transpose(0, 3, 1, 2) / 255, rtol=1e-6)

    def test_steps_that_fit_no_input(self):
        self.write_model("return x")
        for says, shape, step in (
            ("--preprocess y: there is no such input", (1, 3, 4, 4), self.step("y")),
            ("the input is [1, 3] of float32, no image", (1, 3), self.step()),
            ("mean has 2 numbers, the image 3 channels", (1, 3, 4, 4), self.step(mean=[1, 2])),
        ):
            self.refused("usage", says, shape=shape, preprocessing=[step])
