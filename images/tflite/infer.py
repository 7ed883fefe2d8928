"""Stage program of the tflite image: run, time and describe a .tflite file."""

import tflite_file
from stagekit import interpreter
from tflite_runtime.interpreter import Interpreter

VERSIONS = ("tflite-runtime", "numpy")


def infer(request):
    """Run a .tflite file and count its operators, as `stagekit.interpreter.infer` says, with ``ops`` added.

    XNNPACK is on, as it is for whoever takes this runtime's interpreter as it comes.
    """
    operators = tflite_file.operators(tflite_file.read(request.inputs["model"]))
    return dict(interpreter.infer(Interpreter, request), ops=operators)


def inspect(request):
    """Put a .tflite file in words. Roles in: model. Roles out: text."""
    request.outputs["text"].write_text(tflite_file.words(tflite_file.read(request.inputs["model"])), encoding="utf-8")
    return {}


OPERATIONS = {"infer": infer, "inspect": inspect}
