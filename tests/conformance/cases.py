"""Stage program of the conformance runner: the tests that come with an onnx package, and the files of each."""

import functools
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from stagekit import StageError, arrays

VERSIONS = ("onnx",)
EXPANDED = "_expanded"


def cases(request):
    """All tests of the ``kinds``: {"cases": [{"kind", "name", "operator"}]}, sorted by name."""
    return {
        "cases": [
            {"kind": kind, "name": name, "operator": _operator(kind, name)}
            for kind in request.parameters["kinds"]
            for name in sorted(_tests(kind))
        ]
    }


def write(request):
    """Write the files of the test ``name`` of a ``kind``. Roles out: model, samples, expected.

    With ``constants``, what it feeds beside its first input becomes constants of the model: so PyTorch's exporter
    writes weights, shapes and axes. Returns {rtol, atol, inputs}, the last how many samples there are; raises a
    StageError of kind "model" for what is no tensor of numbers that numpy has.
    """
    test = _tests(request.parameters["kind"])[request.parameters["name"]]
    model = _model(test)
    weights = {weight.name for weight in model.graph.initializer}
    fed = [value for value in model.graph.input if value.name not in weights]
    samples, expected = _values(test, "input", fed), _values(test, "output", model.graph.output)
    if request.parameters["constants"]:
        others = list(samples)[1:]
        model.graph.initializer.extend(numpy_helper.from_array(samples.pop(name), name) for name in others)
    request.outputs["model"].write_bytes(model.SerializeToString())
    arrays.write(request.outputs["samples"], samples)
    arrays.write(request.outputs["expected"], expected)
    return {"rtol": test.rtol, "atol": test.atol, "inputs": len(samples)}


@functools.lru_cache(maxsize=None)
def _tests(kind):
    return {test.name[len("test_") :]: test for test in load_model_tests(kind=kind)}


def _operator(kind, name):
    """The operator that a test is about; of one that spells an operator out, that of its sibling."""
    if kind != "node":
        return kind
    sibling = name.partition(EXPANDED)[0]
    model = _model(_tests(kind).get(sibling) or _tests(kind)[name])
    return model.graph.node[-1].op_type + (" (expanded)" if sibling != name else "")


def _model(test):
    """A copy of the model, which is in a file where the package has it in one."""
    model = onnx.ModelProto()
    model.CopyFrom(test.model or onnx.load(str(Path(test.model_dir, "model.onnx"))))
    return model


def _values(test, role, values):
    """The test's inputs or outputs by name, as arrays. An empty name is an optional input that is left out."""
    found = {}
    for index, value in enumerate(values):
        if not value.type.HasField("tensor_type"):
            raise StageError("model", f"{role} {value.name!r} is no tensor")
        given = _from_file(test, role, index) if test.model_dir else test.data_sets[0][role == "output"][index]
        array = numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else np.asarray(given)
        # Other packages' dtypes can have these letters, too.
        if array.dtype.kind not in "fiub" or array.dtype.isbuiltin != 1:
            dtype = onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)
            raise StageError("model", f"{role} {value.name!r} is of dtype {dtype}")
        found[value.name] = array
    return found


def _from_file(test, role, index):
    path = Path(test.model_dir, "test_data_set_0", f"{role}_{index}.pb")
    return onnx.TensorProto.FromString(path.read_bytes())


OPERATIONS = {"cases": cases, "write": write}
