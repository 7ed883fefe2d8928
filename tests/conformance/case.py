"""Stage program of the conformance runner: one ONNX operator test through translate, convert and infer.

It runs in the onnx-tf image, whose environment holds the tensorflow image's too, so that one process does all three.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from onnx_translate import translate
from stagekit import Request, StageError, arrays
from tflite_convert import convert

VERSIONS = translate.VERSIONS


def cases(_):
    """All node cases of the onnx package: {"cases": [{"name", "operator"}]}, sorted by name."""
    found = {test.name[len("test_") :]: test for test in load_model_tests(kind="node")}
    return {"cases": [{"name": name, "operator": _operator(name, found)} for name in sorted(found)]}


def case(request):
    """Convert and run the case ``name``.

    Returns {"wrong": what differs, or None; "constants": whether the parameters had to be}. A StageError of kind
    "model" is a refusal. What a refused case feeds beside its first input becomes constants of the model for a second
    try: so PyTorch's exporter writes weights, shapes and axes.
    """
    name = request.parameters["name"]
    (test,) = [test for test in load_model_tests(kind="node") if test.name == "test_" + name]
    model = onnx.load(str(Path(test.model_dir, "model.onnx")))
    samples = _values(test.model_dir, "input", model.graph.input)
    expected = _values(test.model_dir, "output", model.graph.output)
    try:
        found, constants = _converted(model, samples), False
    except StageError as error:
        if error.kind != "model" or len(samples) < 2:
            raise
        found, constants = _converted(*_with_constants(model, samples)), True
    return {"wrong": _difference(found, expected, test), "constants": constants}


def _operator(name, found):
    """The operator that a case is about; of one that spells an operator out, that of its sibling."""
    suffix = "_expanded"
    sibling = name[: -len(suffix)] if name.endswith(suffix) else name
    model = onnx.load(str(Path(found[sibling].model_dir, "model.onnx")))
    return model.graph.node[-1].op_type + (" (expanded)" if sibling != name else "")


def _values(folder, role, values):
    """The case's inputs or outputs by name. An empty name is an optional input that is left out."""
    found = {}
    for index, value in enumerate(values):
        path = Path(folder, "test_data_set_0", f"{role}_{index}.pb")
        if not value.type.HasField("tensor_type"):
            raise StageError("model", f"{role} {value.name!r} is no tensor")
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        found[value.name] = numpy_helper.to_array(tensor)
        if found[value.name].dtype.kind not in "fiub":
            raise StageError("model", f"{role} {value.name!r} is of dtype {found[value.name].dtype}")
    return found


def _with_constants(model, samples):
    first = model.graph.input[0].name
    constants = {name: array for name, array in samples.items() if name != first}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    return model, {first: samples[first]}


def _converted(model, samples):
    """The outputs of TensorFlow's interpreter, by ONNX name."""
    with tempfile.TemporaryDirectory() as folder:

        def ask(operation, parameters, inputs, outputs):
            message = {"id": "1", "operation": operation.__name__, "parameters": parameters}
            return operation(Request(dict(message, inputs=inputs, outputs=outputs), folder, folder))

        onnx.save(model, str(Path(folder, "model.onnx")))
        arrays.write(Path(folder, "samples.npz"), samples)
        translated = ask(
            translate.translate,
            {"lowering": "nhwc"},
            {"model": "model.onnx", "samples": "samples.npz"},
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
            {"model": "model.tflite", "samples": "samples.npz"},
            {"outputs": "tflite.npz"},
        )
        return arrays.read(Path(folder, "tflite.npz"))


def _difference(found, expected, test):
    """What is wrong with the first output that is, or None."""
    for name, array in expected.items():
        kinds = [(value.dtype.name, value.shape) for value in (found[name], array)]
        if kinds[0] != kinds[1]:
            return "output {!r} is {} of {}, not {} of {}".format(name, *kinds[0][::-1], *kinds[1][::-1])
        if not np.allclose(found[name], array, test.rtol, test.atol, equal_nan=True):
            distance = np.abs(found[name].astype(np.float64) - array.astype(np.float64)).max()
            return f"output {name!r} differs by up to {distance:.3g}"
    return None


OPERATIONS = {"cases": cases, "case": case}
