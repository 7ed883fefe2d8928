"""The worker in an environment that is the user's own: with a folder of packages that this may lack."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

NET = "from torch import nn\n\n\ndef build():\n    return nn.Linear(3, 4)\n"
LENT = "Metadata-Version: 2.1\nName: lent\nVersion: 1.2\nRequires-Dist: {}\n"


class OwnEnvironment(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.overlay = self.folder / "overlay"
        for name in ("source", "overlay", "first"):
            (self.folder / name).mkdir()

    def lend(self, requirement):
        """Put a package into the overlay that requires something."""
        said = self.overlay / "lent-1.2.dist-info" / "METADATA"
        said.parent.mkdir()
        said.write_text(LENT.format(requirement))

    def answer(self, net=NET):
        (self.folder / "source/net.py").write_text(net)
        request = {
            "id": "1",
            "operation": "export",
            "parameters": {
                "source": {"kind": "python", "module": "net", "callable": "build"},
                "inputs": [{"name": "x", "shape": [1, 3], "dtype": "float32"}],
                "output_names": [],
                "seed": 0,
                "opset": 20,
                "weights_key": "",
                "fixed": {},
                "preprocessing": [],
                "batches": [],
                "training": None,
            },
            "inputs": {"source": "source"},
            "outputs": {"model": "model.onnx", "samples": "samples.npz", "outputs": "outputs.npz"},
        }
        first = "{}{}{}".format(self.folder / "first", os.pathsep, os.environ["PYTHONPATH"])
        done = subprocess.run(
            [sys.executable, "-m", "stagekit", "torch_export.export", self.folder, self.folder / "out", self.overlay],
            input=json.dumps(request) + "\n",
            capture_output=True,
            text=True,
            env=dict(os.environ, PYTHONPATH=first, PYTHONDONTWRITEBYTECODE="1"),
            check=True,
        )
        return json.loads(done.stdout.splitlines()[1])

    def refused(self, *says, hint, **options):
        error = self.answer(**options)["error"]
        self.assertEqual("usage", error["kind"], error)
        for text in says:
            self.assertIn(text, error["message"])
        self.assertIn(hint, error["hint"])

    def test_what_is_lent_is_imported_where_the_environment_has_nothing_of_its_name(self):
        (self.overlay / "only_here.py").write_text("")
        (self.overlay / "numpy.py").write_text("raise ImportError")
        self.lend("numpy>=1.20")
        result = self.answer("import only_here\n" + NET)["result"]
        self.assertEqual("dynamo", result["exporter"])

    def test_a_package_of_the_users_that_is_too_old_for_what_is_lent(self):
        self.lend("numpy>=99")
        self.refused("lent 1.2 needs numpy>=99, the environment has ", hint="update it in the environment of --python")

    def test_packages_of_the_users_that_the_exporter_can_not_import(self):
        (self.folder / "first/onnx_ir.py").write_text("raise ImportError('too old')")
        self.refused("the exporter of torch 2.13.0", "ImportError: too old", hint="update onnx, onnx-ir and onnxscript")

    def test_a_package_that_the_model_needs(self):
        message = "module net imports lightly, which is not there"
        self.refused(message, hint="in the environment of --python", net="import lightly\n" + NET)
