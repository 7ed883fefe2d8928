"""Stage program of the conformance runner: an ONNX model through translate, convert and infer.

It runs in the onnx-tf image, whose environment holds the tensorflow image's too, so that one process does all three.
"""

import tempfile
from pathlib import Path

import numpy as np

from onnx_translate import translate
from stagekit import Request, arrays
from tflite_convert import convert

VERSIONS = translate.VERSIONS


def case(request):
    """Convert a model and compare what it computes in TensorFlow's interpreter.

    Parameters: ``rtol``, ``atol``. Roles in: model, samples, expected. Returns {"wrong": what differs, or None}. A
    StageError of kind "model" is a refusal.
    """
    found = _converted(request.inputs["model"], request.inputs["samples"])
    return {"wrong": _difference(found, arrays.read(request.inputs["expected"]), request.parameters)}


def _converted(model, samples):
    """The outputs of TensorFlow's interpreter, by ONNX name."""
    with tempfile.TemporaryDirectory() as folder:

        def ask(operation, parameters, inputs, outputs):
            message = {"id": "1", "operation": operation.__name__, "parameters": parameters}
            return operation(Request(dict(message, inputs=inputs, outputs=outputs), folder, folder))

        translated = ask(
            translate.translate,
            {"lowering": "nhwc"},
            {"model": model, "samples": samples},
            {"saved_model": "saved_model", "outputs": "tensorflow.npz"},
        )
        converted = ask(
            convert.convert,
            dict(translated, variant="float32", lowering="nhwc", ops="builtin"),
            {"saved_model": "saved_model"},
            {"model": "model.tflite"},
        )
        ask(
            convert.infer,
            dict(converted, threads=1, runs=0, warmup=0),
            {"model": "model.tflite", "samples": samples},
            {"outputs": "tflite.npz"},
        )
        return arrays.read(Path(folder, "tflite.npz"))


def _difference(found, expected, tolerance):
    """What is wrong with the first output that is, or None."""
    for name, array in expected.items():
        kinds = [(value.dtype.name, value.shape) for value in (found[name], array)]
        if kinds[0] != kinds[1]:
            return "output {!r} is {} of {}, not {} of {}".format(name, *kinds[0][::-1], *kinds[1][::-1])
        if not np.allclose(found[name], array, tolerance["rtol"], tolerance["atol"], equal_nan=True):
            distance = np.abs(found[name].astype(np.float64) - array.astype(np.float64)).max()
            return f"output {name!r} differs by up to {distance:.3g}"
    return None


OPERATIONS = {"case": case}
