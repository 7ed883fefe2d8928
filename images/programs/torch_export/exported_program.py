"""A model from a .pt2 file, a program of torch.export, which knows its own inputs."""

import types
import zipfile

import torch

from stagekit import StageError

from . import newer_code
from .outputs import DTYPES
from .user_code import one_line

# A file in each such archive, and the one in those of torch 2.1 to 2.6.
MEMBERS = ("archive_format", "serialized_exported_program.json")
POSITIONAL = "export it with tensors by position: torch.export.export(model, (x, y))"


def is_one(path):
    if not zipfile.is_zipfile(str(path)):
        return False
    with zipfile.ZipFile(str(path)) as archive:
        return any(name.split("/")[-1] in MEMBERS for name in archive.namelist())


def load(path):
    """The program as an nn.Module, with its ``inputs``, [{name, shape, dtype}], as it was exported with them.

    Raises a StageError of kind ``usage`` for a file that this torch can't read, or whose inputs are not tensors alone.
    """
    if newer_code.IS_OLD:
        message = "torch {} can't read a program of torch.export (.pt2)".format(torch.__version__)
        raise StageError("usage", message, newer_code.HINT)
    try:
        program = torch.export.load(str(path))
    except MemoryError:
        raise
    except Exception as error:
        # What is no such archive may raise anything.
        message = "torch {} can't load this program: {}: {}".format(
            torch.__version__, type(error).__name__, one_line(error) or "it is damaged"
        )
        raise StageError("usage", message, "write it with torch.export.save") from error
    module = program.module()
    module.inputs = _inputs(program)
    # It refuses these by itself; there is nothing to switch in it.
    module.train = module.eval = types.MethodType(_unchanged, module)
    return module


def _unchanged(module, _mode=True):
    return module


def _inputs(program):
    given, by_name = program.example_inputs or ((), {})
    if by_name or not given or not all(map(_is_plain, given)):
        raise StageError("usage", "the program takes something else than tensors by position", POSITIONAL)
    return [
        {"name": name, "shape": list(value.shape), "dtype": str(value.dtype).replace("torch.", "")}
        for name, value in zip(program.graph_signature.user_inputs, given)
    ]


def _is_plain(value):
    return isinstance(value, torch.Tensor) and value.dtype in DTYPES
