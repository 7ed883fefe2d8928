"""Asking the stage program ``export``, as a worker is asked: each request in a process of its own."""

import multiprocessing
import os
import tempfile
import textwrap
import unittest
from pathlib import Path

import torch

from stagekit import Request, StageError, arrays
from torch_export import export

# torch is imported once; a forked child has sys.path and sys.modules to itself.
FORK = multiprocessing.get_context("fork")


class RefusedError(Exception):
    """What a StageError says, on this side of the process."""

    def __init__(self, kind, message, hint):
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint


class StageCase(unittest.TestCase):
    """A folder for a model, and requests to export it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.source = self.folder / "source"
        self.source.mkdir()

    def write(self, text, name="net.py"):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def write_model(self, forward, init="pass"):
        """A module ``net`` with a Module ``Net``, from the body of its ``forward(self, x)``."""
        self.write(
            "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
            "    def __init__(self):\n        super().__init__()\n{}\n"
            "    def forward(self, x):\n{}\n".format(
                textwrap.indent(textwrap.dedent(init), " " * 8), textwrap.indent(textwrap.dedent(forward), " " * 8)
            )
        )

    def export(self, callable_="Net", module="net", shape=(1, 3), files=None, **parameters):
        """The result, with the arrays ``samples`` and ``outputs`` and the bytes ``model``; raises RefusedError."""
        files = dict({"source": self.source}, **(files or {}))
        kind = "python" if files["source"].is_dir() else "checkpoint"
        message = {
            "id": "1",
            "operation": "export",
            "parameters": dict(
                {
                    "source": {"kind": kind, "module": module, "callable": callable_},
                    "inputs": [{"name": "x", "shape": list(shape), "dtype": "float32"}],
                    "output_names": [],
                    "weights_key": "",
                    "fixed": {},
                    "preprocessing": [],
                    "seed": 0,
                    "opset": 12,
                    "batches": [],
                    "batched": [],
                    "training": None,
                },
                **parameters,
            ),
            "inputs": {role: str(path) for role, path in files.items()},
            "outputs": {"model": "model.onnx", "samples": "samples.npz", "outputs": "outputs.npz"},
        }
        for batch in parameters.get("batches", ()):
            roles = [f"{role}.{batch}" for role in ("model", "samples", "outputs")]
            message["outputs"].update(zip(roles, roles))
        out = self.folder / "out"
        return dict(
            ask(export, message, out),
            samples=arrays.read(out / "samples.npz"),
            arrays=arrays.read(out / "outputs.npz"),
            model=(out / "model.onnx").read_bytes(),
        )

    def refused(self, kind, *says, hint="", **request):
        """The refusal of a request, which must be of a kind, on one line, and say all of these."""
        with self.assertRaises(RefusedError) as caught:
            self.export(**request)
        refusal = caught.exception
        self.assertEqual(kind, refusal.kind, refusal.message)
        for text in says:
            self.assertIn(text, refusal.message)
        self.assertIn(hint, refusal.hint)
        self.assertNotIn("\n", refusal.message)
        self.assertNotIn("Traceback", refusal.message)
        self.assertFalse((self.folder / "out" / "model.onnx").exists())
        return refusal

    def names(self, result):
        return [output["name"] for output in result["outputs"]]

    def save(self, value, name):
        path = self.folder / name
        (torch.jit.save if isinstance(value, torch.jit.ScriptModule) else torch.save)(value, str(path))
        return path


def ask(program, message, out):
    """What a program answers to a message in a process of its own; raises RefusedError."""
    answer = _forked(_answer, program, message, out)
    if "refused" in answer:
        raise RefusedError(*answer["refused"])
    return answer["result"]


def _answer(program, message, out):
    scratch = out.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    os.chdir(scratch)
    request = Request(message, "/", str(out))
    try:
        return {"result": program.OPERATIONS[request.operation](request)}
    except StageError as error:
        return {"refused": (error.kind, error.message, error.hint)}


def _forked(function, *arguments):
    """What a function returns in a child; EOFError when it raises, which the child prints."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=lambda: sender.send(function(*arguments)))
    child.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        child.join()
