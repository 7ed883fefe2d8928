"""A model from a file: TorchScript, a program of torch.export, or a pickled nn.Module."""

import inspect
import zipfile

import torch
from torch import nn

from stagekit import StageError
from stagekit.errors import pass_on

from . import exported_program, newer_code
from .python_source import make_way
from .user_code import needs_package, one_line

BY_CODE = "convert the code that builds the model, path/to/file.py:callable, and give this file with --weights"

# Since torch 2.6 it reads tensors alone, unless it is told otherwise.
WHOLE = {"weights_only": False} if "weights_only" in inspect.signature(torch.load).parameters else {}


def load(path):
    """The nn.Module in a file. Raises a StageError of kind ``usage`` for a file that holds none."""
    if exported_program.is_one(path):
        return exported_program.load(path)
    return _torchscript(path) if _is_torchscript(path) else _pickled(path)


def _is_torchscript(path):
    """Both are archives; only TorchScript has code inside."""
    if not zipfile.is_zipfile(str(path)):
        return False
    with zipfile.ZipFile(str(path)) as archive:
        return any("/code/" in name for name in archive.namelist())


def _torchscript(path):
    try:
        return torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        pass_on(error)
        message = "torch {} can't load this TorchScript file: {}".format(torch.__version__, one_line(error))
        how = "save it with torch {} or older".format(torch.__version__)
        raise StageError("usage", message, newer_code.HINT or how) from error


def _pickled(path):
    value = _unpickled(path)
    if isinstance(value, nn.Module):
        return value
    if isinstance(value, dict) and value and all(isinstance(entry, torch.Tensor) for entry in value.values()):
        message = "the file holds a state_dict ({} tensors), no model".format(len(value))
    elif isinstance(value, dict):
        message = "the file holds a dict of {}, no model".format(", ".join(str(key) for key in value) or "nothing")
    else:
        message = "the file holds a value of type {}, no torch.nn.Module".format(type(value).__qualname__)
    raise StageError("usage", message, BY_CODE)


def _unpickled(path):
    """What torch.save wrote to a file. Raises a StageError of kind ``usage`` when it can't be read again.

    Its classes are looked up among the user's modules and what is installed, never among pinlite's own.
    """
    make_way()
    try:
        return torch.load(str(path), map_location="cpu", **WHOLE)
    except (AttributeError, ImportError) as error:
        message = "the file needs code that is not there: {}".format(one_line(error))
        how = "{}; {}".format(BY_CODE, needs_package(getattr(error, "name", None)))
        raise StageError("usage", message, newer_code.hint(error, how)) from error
    except Exception as error:
        pass_on(error)
        # pickle may raise anything on bytes that are no pickle.
        message = "torch {} can't read the file: {}: {}".format(
            torch.__version__, type(error).__name__, one_line(error) or "it is damaged"
        )
        raise StageError(
            "usage", message, "; ".join(filter(None, ["write it with torch.save", newer_code.HINT]))
        ) from error
