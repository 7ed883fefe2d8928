"""The program as a worker process: one answer, and the same bytes wherever it runs."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

MODEL = """
import torch
from torch import nn

print("imported")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Conv2d(3, 3, 3) for name in ("b", "a", "c")})

    def forward(self, x):
        print("forward")
        return {name: torch.sigmoid(layer(x)).mean((2, 3)) for name, layer in self.layers.items()}
"""
FILES = {"model": "1/model.onnx", "samples": "1/samples.npz", "outputs": "1/outputs.npz"}


class Worker(unittest.TestCase):
    def test_the_same_bytes_in_any_process_and_folder(self):
        first, second = self.digests("1"), self.digests("2")
        self.assertEqual(set(FILES), set(first))
        self.assertEqual(first, second)

    def digests(self, hash_seed):
        with tempfile.TemporaryDirectory(prefix=hash_seed) as name:
            folder = Path(name)
            (folder / "in/1").mkdir(parents=True)
            (folder / "in/1/net.py").write_text(MODEL)
            request = {
                "id": "1",
                "operation": "export",
                "parameters": {
                    "source": {"kind": "python", "module": "net", "callable": "Net"},
                    "inputs": [{"name": "x", "shape": [1, 3, 8, 8], "dtype": "float32"}],
                    "output_names": [],
                    "seed": 7,
                    "opset": 12,
                    "weights_key": "",
                    "fixed": {},
                    "preprocessing": [],
                    "batches": [],
                    "batched": [],
                    "training": None,
                },
                "inputs": {"source": "1"},
                "outputs": FILES,
            }
            done = subprocess.run(
                [sys.executable, "-m", "stagekit", "torch_export.export", str(folder / "in"), str(folder / "out")],
                input=json.dumps(request) + "\n",
                capture_output=True,
                text=True,
                env=dict(os.environ, PYTHONHASHSEED=hash_seed, PYTHONDONTWRITEBYTECODE="1"),
                check=True,
            )
            ready, response = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual("1.7.1", ready["versions"]["torch"])
            self.assertEqual(["b", "a", "c"], [output["name"] for output in response["result"]["outputs"]])
            self.assertIn("forward", done.stderr)
            return {
                role: hashlib.sha256((folder / "out" / path).read_bytes()).hexdigest() for role, path in FILES.items()
            }
