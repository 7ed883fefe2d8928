"""Stage program of the image of LiteRT.js: run and time a .tflite file in a browser."""

import json
import subprocess

from stagekit import interpreter
from tflite_run import tflite_file

from .browser import NAME
from .server import PACKAGES
from .web_interpreter import WebInterpreter

PACKAGE = "@litertjs/core"
VERSIONS = ("numpy",)


def _beside():
    """The versions of the runtime and of the browser."""
    package = json.loads((PACKAGES / PACKAGE / "package.json").read_text())
    asked = ["dpkg-query", "--showformat=${Version}", "--show", NAME]
    return {PACKAGE: package["version"], NAME: subprocess.check_output(asked, text=True)}


BESIDE = _beside()


def infer(request):
    """Run a .tflite file and count its operators, as `stagekit.interpreter.infer` says, with ``ops`` added."""
    model = tflite_file.read(request.inputs["model"])
    inferred = interpreter.infer(WebInterpreter, request, *tflite_file.signed(model))
    WebInterpreter.note_memory()
    return dict(inferred, ops=tflite_file.operators(model))


def time(request):
    """Time a .tflite file, as `stagekit.interpreter.timed` says."""
    signed_inputs, _ = tflite_file.signed(tflite_file.read(request.inputs["model"]))
    return interpreter.timed(WebInterpreter, request, signed_inputs)


OPERATIONS = {"infer": infer, "time": time}
