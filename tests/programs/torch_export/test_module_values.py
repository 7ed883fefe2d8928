"""What modules compute, and what ONNX calls it."""

import re
import unittest

import torch
from stage import StageCase, ask

from stagekit import arrays
from torch_export import export
from torch_export.module_values import MARK

NET = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.norm(self.conv(x))) + x

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.Sequential(Block(), Block())
        self.drop, self.lstm = nn.Dropout(), nn.LSTM(4, 5)

    def forward(self, x):
        seen = self.drop(self.blocks(x))
        out, (hidden, _) = self.lstm(seen[0])
        return {"out": out, "more": [hidden * 2]}
"""
TUNE = "\ndef tune(model):\n    model(torch.rand(1, 3, 4, 4))\n"


class Modules(StageCase):
    def trace(self, source=None, kind="python", **parameters):
        self.write(NET + TUNE)
        message = {
            "id": "1",
            "operation": "trace",
            "parameters": dict(
                {
                    "source": {"kind": kind, "module": "net", "callable": "Net"},
                    "inputs": [{"name": "x", "shape": [1, 3, 4, 4], "dtype": "float32"}],
                    "output_names": ["a", "b"],
                    "seed": 0,
                    "opset": 12,
                    "weights_key": "",
                    "fixed": {},
                    "preprocessing": [],
                    "batches": [],
                    "batched": [],
                    "training": None,
                },
                **parameters,
            ),
            "inputs": {"source": str(source or self.source), "functions": str(self.source)},
            "outputs": {"model": "model.onnx", "values": "values.npz"},
        }
        out = self.folder / "out"
        modules = ask(export, message, out)["modules"]
        return modules, list(arrays.read(out / "values.npz").values()), (out / "model.onnx").read_bytes()

    def test_each_module_once_and_the_models_own_results(self):
        modules, values, model = self.trace()
        block = ["conv", "norm", "act", ""]
        expected = [f"blocks.{number}.{name}".strip(".") for number in (0, 1) for name in block]
        self.assertEqual([*expected, "drop", "lstm", "lstm", "lstm", ""], modules)
        shapes = [[1, 3, 4, 4]] * 9 + [[3, 4, 5], [1, 4, 5], [1, 4, 5], [1, 4, 5]]
        self.assertEqual(shapes, [list(array.shape) for array in values])
        # What is changed in place is kept as it was.
        self.assertLess(values[1].min(), 0)
        self.assertEqual(values[2].min(), 0)
        # A convolution with BatchNorm is one node of ONNX's, which gives the latter's values; dropout does nothing.
        there = {modules[int(at)] for at in re.findall(MARK.encode() + rb"(\d+)", model)}
        self.assertEqual({name for name in modules if "conv" not in name and name != "drop"}, there)

    def test_the_model_after_a_training(self):
        asked = {"prune": None, "structured": False, "cluster": None, "finetune": None}
        modules, values, _ = self.trace(training=dict(asked, qat={"module": "net", "callable": "tune"}))
        self.assertIn("blocks.0.conv", modules)
        self.assertEqual(len(modules), len(values))

    def test_torchscript_is_refused(self):
        path = self.save(torch.jit.script(torch.nn.ReLU()), "net.pt")
        with self.assertRaisesRegex(Exception, "TorchScript"):
            self.trace(path, kind="checkpoint")


if __name__ == "__main__":
    unittest.main()
