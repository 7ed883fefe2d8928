"""A model as its file has it: reading it, refusing it, its inputs, and writing it."""

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from stagekit import StageError

GIVE_ANOTHER = "give a file that torch.onnx.export or onnx.save wrote"
FILE = "model.onnx"


def read(path):
    """The `onnx_ir.Model` in a file, or in a folder beside the files that it keeps tensors in."""
    file = path / FILE if path.is_dir() else path
    try:
        model = ir.load(file)
    except (DecodeError, ir.serde.SerdeError, ValueError) as error:
        message = "this is no ONNX file, or a damaged one: {}".format(one_line(error))
        raise StageError("usage", message, GIVE_ANOTHER) from error
    return model


def check(model):
    """Raise a StageError for a model that is of an opset of the future, or holds operators that nobody knows."""
    newest = onnx.defs.onnx_opset_version()
    if opset(model) > newest:
        raise StageError(
            "model",
            "the model is of opset {}, onnx {} knows {} at most".format(opset(model), onnx.__version__, newest),
            "write the model at opset {} or an older one".format(newest),
        )


def one_line(error):
    return " ".join(str(error).split())


def opset(model):
    return max(model.opset_imports.get(domain, 1) for domain in ("", "ai.onnx"))


def inputs(model):
    """What a caller feeds, in order, as [{name, shape, dtype}]: None in a shape is a size left open."""
    return [_spec(value) for value in model.graph.inputs if value.name not in model.graph.initializers]


def _spec(value):
    if value.shape is None or value.dtype is None:
        raise StageError("model", "input {!r} is a tensor without a shape".format(value.name), GIVE_ANOTHER)
    shape = [size if isinstance(size, int) and size > 0 else None for size in value.shape]
    return {"name": value.name, "shape": shape, "dtype": value.dtype.numpy().name}


def close(model, samples):
    """Fix the sizes that a model's inputs leave open as they are in the samples."""
    for value in model.graph.inputs:
        if value.name in samples:
            value.shape = ir.Shape(samples[value.name].shape)


def write(model, path):
    """Write a model with all of its tensors inside."""
    ir.save(model, path)
