"""PyTorch of today: what its exporters write, which of them did, and what is read that earlier ones can't."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from stage import StageCase
from torch import nn

OPSET = 20
NORM = "self.norm = nn.RMSNorm(8)\nself.linear = nn.Linear(8, 24)"
ATTENTION = (
    "q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in self.linear(self.norm(x)).chunk(3, -1))\n"
    "return F.scaled_dot_product_attention(q, k, v, is_causal=True)"
)


# Python 3.8 reads neither the type nor the match.
OF_TODAY = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x, scale: int | None = None):
        match scale:
            case None:
                return {"features": self.conv(x), "rest": [x, None]}
            case _:
                return self.conv(x) * scale
"""


OVERLAPPING = """
import sys
import torch
import torch_dynamo.exported
from torchvision import ops

class Boxes(torch.nn.Module):
    def forward(self, corners, scores):
        return ops.nms(corners, scores, 0.5)

program = torch.export.export(Boxes(), (torch.rand(4, 4), torch.rand(4)))
torch.export.save(program, sys.argv[1])
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x)


class Structured(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(3))

    def forward(self, x, batch, *, scale, times=1):
        return x * batch["mask"] * self.weight + batch["rest"][0] * times - scale


def setUpModule():
    """What is slow the first time is done before processes are forked."""
    program = torch.export.export(nn.ReLU(), (torch.rand(1),))
    torch.onnx.export(program, opset_version=OPSET, verbose=False)


class Exports(StageCase):
    def ran(self, **request):
        """An export whose ONNX file gives what torch gave."""
        result = self.export(**{"opset": OPSET, **request})
        # By the file's bytes: another process wrote them.
        session = ReferenceEvaluator(onnx.load(io.BytesIO(result["model"])))
        for name, got in zip(result["arrays"], session.run(None, result["samples"])):
            np.testing.assert_allclose(result["arrays"][name], got, atol=1e-4)
        self.assertEqual({OPSET}, {entry.version for entry in onnx.load(io.BytesIO(result["model"])).opset_import})
        return result


class Dynamo(Exports):
    def test_what_python_and_torch_had_not_then(self):
        self.write_model(ATTENTION, NORM)
        result = self.ran(shape=(1, 4, 8))
        self.assertEqual(("dynamo", []), (result["exporter"], result["warnings"]))
        self.write(OF_TODAY)
        result = self.ran(shape=(1, 3, 5, 5))
        self.assertEqual(["features", "rest.0"], self.names(result))
        self.assertEqual("dynamo", result["exporter"])

    def test_weights_keep_their_names_and_no_place_is_told(self):
        self.write_model(
            "return F.relu(self.b(F.relu(self.a(x))))", "self.a = nn.Linear(3, 4)\nself.b = nn.Linear(4, 2)"
        )
        result = self.ran()
        names = {tensor.name for tensor in onnx.load(io.BytesIO(result["model"])).graph.initializer}
        self.assertEqual({"a.weight", "a.bias", "b.weight", "b.bias"}, names)
        self.assertNotIn(str(self.folder).encode(), result["model"])
        self.assertNotIn(b"net.py", result["model"])
        self.assertEqual(result["model"], self.ran()["model"])

    def test_the_modules_that_nodes_are_of(self):
        """A convolution that has taken a BatchNorm in is of both."""
        self.write_model(
            "return self.head(self.norm(self.conv(x)).flatten(1)) * 2",
            "self.conv = nn.Conv2d(3, 3, 1)\nself.norm = nn.BatchNorm2d(3)\n"
            "self.head = nn.Sequential(nn.Linear(12, 2), nn.LayerNorm(2))",
        )
        result = self.ran(shape=(1, 3, 2, 2), output_names=["scores"])
        modules = result["modules"]
        nodes = {node.op_type: node.name for node in onnx.load(io.BytesIO(result["model"])).graph.node}
        self.assertEqual(["conv", "norm"], modules[nodes["Conv"]])
        self.assertEqual(["head.0"], modules[nodes["Gemm"]])
        self.assertEqual(["head.1"], modules[nodes["LayerNormalization"]])
        # The model's own.
        self.assertNotIn(nodes["Mul"], modules)
        self.assertNotIn("scores", modules)

    def test_outputs_that_are_one_value(self):
        self.write_model("y = F.relu(x)\nreturn y, y, x")
        self.assertEqual(["output_0", "output_1", "output_2"], self.names(self.ran()))

    def test_recurrent_layers_and_other_batches(self):
        self.write_model("return self.lstm(x)[0]", "self.lstm = nn.LSTM(8, 4, batch_first=True, bidirectional=True)")
        result = self.ran(shape=(1, 5, 8), batches=[3])
        self.assertEqual("dynamo", result["exporter"])
        wider = onnx.load(self.folder / "out" / "model.3")
        self.assertEqual(3, wider.graph.output[0].type.tensor_type.shape.dim[0].dim_value)

    def test_a_branch_on_the_data_is_traced_by_the_older_exporter_and_told(self):
        self.write_model("y = x * 2\nif y.sum() > 0:\n    y = y + 1\nreturn y * float(x.max())")
        result = self.ran()
        self.assertEqual("torchscript", result["exporter"])
        branch, number = result["warnings"]
        self.assertIn("net.py:12: a branch on the data (`if y.sum() > 0`) is baked in", branch)
        self.assertIn("net.py:14: a number taken out of the data", number)

    def test_what_torch_does_not_translate_itself(self):
        self.write_model("return torch.lgamma(x * 24 - 8)")
        self.assertEqual("dynamo", self.ran(shape=(5, 7))["exporter"])
        self.write_model("return x * torch.arange(4.0).repeat_interleave(torch.tensor([2, 1, 0, 4]), output_size=7)")
        self.assertEqual("dynamo", self.ran(shape=(5, 7))["exporter"])
        for call in (
            "x, x, x",
            "x, x[:, :3], x[:, :3], attn_mask=x[..., :3] > 0.5",
            "x[0], x[0], x[0], is_causal=True",
        ):
            with self.subTest(call):
                self.write_model(f"return F.scaled_dot_product_attention({call})")
                self.assertEqual("dynamo", self.ran(shape=(2, 4, 8))["exporter"])

    def test_a_divisor_that_torch_forgets(self):
        for call in (
            "F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False, divisor_override=2)",
            "F.avg_pool2d(x, (2, 3), divisor_override=5)",
            "F.avg_pool2d(x, 2, ceil_mode=True)",
            'x.scatter_reduce(3, INDEX.expand(1, 2, 6, 5), x, "mean")',
            'x.scatter_reduce(3, INDEX.expand(1, 2, 6, 5), x, "mean", include_self=False)',
            'x.scatter_reduce(3, INDEX.expand(1, 2, 6, 5), x, "amax")',
        ):
            with self.subTest(call):
                self.write_model("return " + call.replace("INDEX", "torch.tensor([0, 0, 3, 0, 1])"))
                self.assertEqual("dynamo", self.ran(shape=(1, 2, 6, 5))["exporter"])

    def test_what_neither_exports(self):
        self.write_model("return torch.special.i1(x)")
        self.refused("model", "can't export to ONNX opset 20: special_i1 (net.py:11)", opset=OPSET, hint="i1: write it")

    def test_random_draws(self):
        self.write_model("return x + torch.rand_like(x)")
        self.refused("model", "draws random numbers", opset=OPSET)

    def test_training(self):
        self.write_model("return self.b(F.relu(self.a(x)))", "self.a = nn.Linear(3, 4)\nself.b = nn.Linear(4, 2)")
        training = {"prune": 0.5, "structured": False, "cluster": 4, "finetune": None, "qat": None}
        result = self.ran(training=training)
        self.assertEqual(["none", "prune", "cluster"], [step["technique"] for step in result["training"]])
        self.assertGreaterEqual(result["training"][-1]["sparsity"], 0.5)

    def test_training_for_int8(self):
        self.write_model("return self.a(x)", "self.a = nn.Linear(3, 4)")
        training = {"prune": None, "structured": False, "cluster": None, "finetune": None, "qat": {"module": "net"}}
        self.refused("usage", "--qat", "2.13.0", opset=OPSET, training=training, hint="--toolchain classic")

    def test_a_module_that_is_saved_whole(self):
        file = self.folder / "model.pt"
        torch.save(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), file)
        self.assertEqual("dynamo", self.ran(files={"source": file})["exporter"])

    def test_torchscript(self):
        file = self.save(torch.jit.script(nn.Sequential(nn.Linear(3, 4), nn.ReLU()).eval()), "model.pt")
        self.assertEqual("torchscript", self.ran(files={"source": file})["exporter"])


class Programs(Exports):
    """Files of torch.export.save."""

    def saved(self, model, *given, **by_name):
        file = self.folder / "model.pt2"
        torch.export.save(torch.export.export(model.eval(), given, by_name), file)
        return {"files": {"source": file}}

    def test_its_own_inputs_are_taken(self):
        result = self.ran(inputs=[], **self.saved(Net(), torch.rand(2, 3, 5, 5)))
        self.assertEqual([{"name": "x", "shape": [2, 3, 5, 5], "dtype": "float32"}], result["inputs"])
        self.assertEqual("dynamo", result["exporter"])
        names = {tensor.name for tensor in onnx.load(io.BytesIO(result["model"])).graph.initializer}
        self.assertEqual({"conv.weight", "conv.bias"}, names)

    def test_inputs_of_another_name_or_shape(self):
        saved = self.saved(Net(), torch.rand(1, 3, 5, 5))
        inputs = [{"name": "image", "shape": [1, 3, 5, 5], "dtype": "float32"}]
        wrong = [dict(inputs[0], shape=[1, 3, 6, 6])]
        self.refused("usage", "the model fails on its inputs", inputs=wrong, opset=OPSET, **saved)
        self.assertEqual(inputs, self.ran(inputs=inputs, **saved)["inputs"])

    def test_inputs_by_name_and_in_structures(self):
        given = {"mask": torch.rand(2, 3), "rest": [torch.rand(1, 3)]}
        saved = self.saved(Structured(), torch.rand(2, 3), given, scale=torch.rand(1), times=3)
        some = [{"name": "scale", "shape": [1], "dtype": "float32"}]
        self.refused("usage", "takes x, batch.mask, batch.rest.0 before scale", inputs=some, opset=OPSET, **saved)
        self.refused("usage", "--fix times", inputs=[], opset=OPSET, fixed={"times": 2}, **saved)
        result = self.ran(inputs=[], **saved)
        inputs = result["inputs"]
        self.assertEqual(["x", "batch.mask", "batch.rest.0", "scale"], [each["name"] for each in inputs])
        self.assertEqual([[2, 3], [2, 3], [1, 3], [1]], [each["shape"] for each in inputs])
        self.assertEqual("dynamo", result["exporter"])
        self.assertIn("weight", {each.name for each in onnx.load(io.BytesIO(result["model"])).graph.initializer})
        self.assertEqual(inputs, self.ran(inputs=inputs[::-1], **saved)["inputs"])

    def test_inputs_that_numpy_has_not(self):
        saved = self.saved(nn.ReLU(), torch.rand(1, 3, dtype=torch.bfloat16))
        self.refused("usage", "the program takes input, torch.bfloat16", inputs=[], opset=OPSET, **saved)

    def test_inputs_that_the_file_does_not_keep(self):
        saved = self.saved(Net(), torch.rand(1, 3, 5, 5))
        with zipfile.ZipFile(saved["files"]["source"]) as archive:
            kept = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(saved["files"]["source"], "w") as archive:
            for name, data in kept.items():
                archive.writestr(name, b"" if "/sample_inputs/" in name else data)
        self.refused("usage", "nobody says what the model's inputs are", inputs=[], opset=OPSET, **saved)
        inputs = [{"name": "image", "shape": [1, 3, 5, 5], "dtype": "float32"}]
        self.assertEqual(inputs, self.ran(inputs=inputs, **saved)["inputs"])

    def test_operators_of_torchvision(self):
        """The program is written by another process: this one's children don't know the operators yet."""
        file = self.folder / "model.pt2"
        subprocess.run([sys.executable, "-c", OVERLAPPING, str(file)], check=True)
        self.assertNotIn("torchvision", sys.modules)
        result = self.export(inputs=[], opset=OPSET, files={"source": file})
        graph = onnx.load(io.BytesIO(result["model"])).graph
        self.assertIn("NonMaxSuppression", {node.op_type for node in graph.node})

    def test_a_file_that_is_cut_off(self):
        saved = self.saved(Net(), torch.rand(1, 3, 5, 5))
        with zipfile.ZipFile(saved["files"]["source"]) as archive:
            kept = {name: archive.read(name) for name in archive.namelist() if not name.endswith(".json")}
        with zipfile.ZipFile(saved["files"]["source"], "w") as archive:
            for name, data in kept.items():
                archive.writestr(name, data)
        self.refused("usage", "torch 2.13.0+cpu can't load this program", opset=OPSET, **saved)
