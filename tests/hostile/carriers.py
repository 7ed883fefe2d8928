"""What a stranger's code can come in: a file with a model and functions, or a checkpoint."""

import io
import pickle
import zipfile
from pathlib import Path

ATTEMPTS = (Path(__file__).parent / "attempts.py").read_text()

# Each of the user's functions reports what it could do, then does as it should.
FUNCTIONS = """
import attempts
import numpy as np
from torch import nn


def build():
    attempts.report("model", (*attempts.QUICK, attempts.fork))
    return nn.Sequential(nn.Linear(4, 3))


def finetune(model):
    attempts.report("finetune")


def samples():
    attempts.report("calibration")
    for _ in range(2):
        yield np.random.rand(1, 4).astype(np.float32)


def labelled():
    attempts.report("evaluate")
    for label in range(3):
        yield np.random.rand(1, 4).astype(np.float32), label


def metric(outputs, labels):
    attempts.report("metric")
    return 0.5
"""

# What an attack has at hand: the channel that its worker answers on, and an honest answer to begin with.
TOOLS = '''
import json, os, signal, socket, sys, time
from pathlib import Path

import numpy as np
import torch
from torch import nn

OUT = Path("/out/export")
MODEL = OUT / "model.onnx"
RESULT = {
    "inputs": [{"name": "x", "shape": [1, 4], "dtype": "float32"}],
    "outputs": [{"name": "y", "shape": [1, 3], "dtype": "float32"}],
}


def say(data):
    while data:
        data = data[os.write(3, data):]


def answer(result=RESULT, **more):
    message = {"type": "response", "id": "export", "result": result, "seconds": 0, "peak_memory": 0}
    say(json.dumps(dict(message, **more)).encode() + b"\\n")


def honest():
    """The outputs as they should be."""
    torch.onnx.export(nn.Linear(4, 3), torch.ones(1, 4), str(MODEL), input_names=["x"], output_names=["y"])
    np.savez(str(OUT / "samples.npz"), x=np.ones((1, 4), np.float32))
    np.savez(str(OUT / "outputs.npz"), y=np.ones((1, 3), np.float32))
    np.savez(str(OUT / "profiles.npz"), **{"zeros/x": np.zeros((1, 4), np.float32)})
    np.savez(str(OUT / "profiled.npz"), **{"zeros/y": np.ones((1, 3), np.float32)})


def end():
    """Answer, and wait for the end."""
    answer()
    time.sleep(600)


def build():
'''


def code(targets):
    """The module ``attempts``, aimed."""
    return f"TARGETS = {targets!r}\n{ATTEMPTS}"


class Evaluated:
    """A pickle whose loading evaluates an expression."""

    def __init__(self, expression):
        self.expression = expression

    def __reduce__(self):
        return eval, (self.expression,)


SAMPLE_INPUTS = "program/data/sample_inputs/model.pt"
# Run in an image of PyTorch of today: the entries of a .pt2 file, as JSON of base64.
PROGRAM = """
import base64, json, zipfile
import torch

torch.export.save(torch.export.export(torch.nn.Linear(4, 3).eval(), (torch.rand(1, 4),)), "/tmp/program.pt2")
with zipfile.ZipFile("/tmp/program.pt2") as archive:
    print(json.dumps({name: base64.b64encode(archive.read(name)).decode() for name in archive.namelist()}))
"""


def archive(path, entries):
    """A zip as torch writes it, of entries by name."""
    with zipfile.ZipFile(path, "w") as made:
        for name, content in entries.items():
            made.writestr(name, content)


def checkpoint(path, program):
    """A file as torch.save writes it, that runs a program when it is loaded, and then is the program's ``model``."""
    expression = f"(lambda names: (exec({program!r}, names), names['model'])[1])({{'__name__': 'attack'}})"
    stream = io.BytesIO()
    pickle.dump(Evaluated(expression), stream, protocol=2)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", stream.getvalue())
        archive.writestr("archive/version", "3\n")
