"""An image without `torch_symbolics`: what torch.onnx.export writes by itself, and what is told of it."""

import torch
from stage import StageCase

OPSET = 13
# Bodies of forward: (the lines, and how many warnings they are worth).
BODIES = (
    ("return x.reshape(x.size(0), -1)[:, : len(x) + x.shape[1] // 2]", 0),
    ("b, c = x.shape\ny = x.view(b, c)\nreturn y * c, y.flatten(1)", 0),
    ("y = F.relu(x)\nreturn y, y", 0),
    ("def half(z):\n    return z[: z.size(0) // 2]\ny = x.expand(4, -1)\nreturn half(y)", 0),
    ("x += 1\nreturn x * 2", 0),
    ("return x - x.data.mean()", 1),
    ("y = x * 2\nif y.sum() > 0:\n    y = y + 1\nreturn y * float(x.max())", 2),
)


class Unaided(StageCase):
    def by_hand(self, model, samples, count):
        file = self.folder / "by-hand.onnx"
        names = ["output"] if count == 1 else [f"output_{at}" for at in range(count)]
        sample = torch.from_numpy(samples["x"].copy())
        torch.onnx.export(model, sample, str(file), input_names=["x"], output_names=names, opset_version=OPSET)
        return file.read_bytes()

    def net(self):
        namespace = {}
        exec((self.source / "net.py").read_text(), namespace)
        torch.manual_seed(0)
        return namespace["Net"]().eval()

    def test_is_torchs_own_export(self):
        for body, warnings in BODIES:
            with self.subTest(body):
                self.write_model(body)
                result = self.export(opset=OPSET)
                by_hand = self.by_hand(self.net(), result["samples"], len(result["outputs"]))
                self.assertEqual(by_hand, result["model"])
                self.assertEqual(warnings, len(result["warnings"]), result["warnings"])

    def test_weights_keep_their_names(self):
        self.write_model("return self.b(F.relu(self.a(x)))", "self.a = nn.Linear(3, 4)\nself.b = nn.Linear(4, 2)")
        result = self.export(opset=OPSET)
        self.assertEqual(self.by_hand(self.net(), result["samples"], 1), result["model"])
        self.assertIn(b"b.weight", result["model"])

    def test_torchscript_is_exported_as_it_is(self):
        torch.manual_seed(0)
        scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()).eval())
        file = self.save(scripted, "model.pt")
        result = self.export(files={"source": file}, opset=OPSET)
        self.assertEqual(self.by_hand(torch.jit.load(str(file)), result["samples"], 1), result["model"])
        self.assertEqual([], result["warnings"])

    def test_torchscript_that_torch_refuses(self):
        class Gamma(torch.nn.Module):
            def forward(self, x):
                return torch.lgamma(x)

        self.refused("model", "lgamma", files={"source": self.save(torch.jit.script(Gamma()), "model.pt")}, opset=OPSET)

    def test_what_torch_refuses(self):
        self.write_model("y = torch.lgamma(x)\nreturn y, torch.inverse(x[:, :1])")
        self.refused("model", "opset 13: lgamma (net.py:11), inverse (net.py:12)", opset=OPSET, hint="inverse: invert")
        self.write_model("return F.adaptive_avg_pool2d(x, 5)")
        self.refused("model", "output size that are not factor of input size.", shape=(1, 1, 7, 7), opset=OPSET)
        self.write_model("return x * 2")
        self.refused("model", "Unsupported ONNX opset version: 17", opset=17)

    def test_newer_opset(self):
        self.write_model("return F.grid_sample(x, torch.zeros(1, 2, 2, 2), align_corners=False)")
        hint = "grid_sampler: convert with --opset 16"
        self.refused("model", "grid_sampler (net.py:11)", shape=(1, 1, 4, 4), opset=OPSET, hint=hint)
