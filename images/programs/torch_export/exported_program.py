"""A model from a .pt2 file, a program of torch.export, which knows its own inputs."""

import importlib
import inspect
import types
import zipfile
from importlib.util import find_spec

import torch

from stagekit import StageError
from stagekit.errors import pass_on

from . import newer_code
from .outputs import DTYPES
from .user_code import one_line

# A file in each such archive, and the one in those of torch 2.1 to 2.6.
MEMBERS = ("archive_format", "serialized_exported_program.json")
WITH_INPUTS = "export it with tensors of numbers: torch.export.export(model, (x, y))"


def is_one(path):
    if not zipfile.is_zipfile(str(path)):
        return False
    with zipfile.ZipFile(str(path)) as archive:
        return any(name.split("/")[-1] in MEMBERS for name in archive.namelist())


def load(path):
    """The program as an nn.Module. Raises a StageError of kind ``usage`` for a file that this torch can't read, or that
    takes anything that can't be given.

    Its ``inputs`` are [{name, shape, dtype}] of the tensors that it was exported with: the parameters' names, and dots
    that lead into their dicts and lists. ``arranged`` gives the arguments of a call, (args, kwargs), for such tensors.
    It has neither where the file does not keep these tensors, as those of torch 2.1 don't.
    """
    if newer_code.IS_OLD:
        message = "torch {} can't read a program of torch.export (.pt2)".format(torch.__version__)
        raise StageError("usage", message, newer_code.HINT)
    try:
        _register_operators(path)
        program = torch.export.load(str(path))
    except Exception as error:
        pass_on(error)
        # What is no such archive may raise anything.
        message = "torch {} can't load this program: {}: {}".format(
            torch.__version__, type(error).__name__, one_line(error) or "it is damaged"
        )
        raise StageError("usage", message, "write it with torch.export.save") from error
    module = program.module()
    if program.example_inputs:
        module.inputs, module.arranged = _call(program, list(inspect.signature(module.forward).parameters))
    # It refuses these by itself; there is nothing to switch in it.
    module.train = module.eval = types.MethodType(_unchanged, module)
    return module


def _register_operators(path):
    """Import torchvision for a program that calls its operators, which torch knows from then on."""
    with zipfile.ZipFile(str(path)) as archive:
        texts = (archive.read(name) for name in archive.namelist() if name.endswith(".json"))
        if find_spec("torchvision") and any(b"torch.ops.torchvision." in text for text in texts):
            importlib.import_module("torchvision")


def _unchanged(module, _mode=True):
    return module


def _call(program, parameters):
    """(inputs, arranged) of a program, as `load` says: what it took beside tensors stays as it was."""
    # Where there is torch.export.
    from torch.utils import _pytree  # noqa: PLC0415 - as above

    given, structure = _pytree.tree_flatten_with_path(program.example_inputs)
    values = [value for _, value in given]
    places = [at for at, value in enumerate(values) if isinstance(value, torch.Tensor)]
    if not places:
        raise StageError("usage", "the program does not say what tensors it takes", WITH_INPUTS)

    def arranged(tensors):
        filled = list(values)
        for at, tensor in zip(places, tensors):
            filled[at] = tensor
        return _pytree.tree_unflatten(filled, structure)

    return [_described(_name(given[at][0], parameters), values[at]) for at in places], arranged


def _name(path, parameters):
    """The name of an input by its place in (args, kwargs)."""
    keywords, first, *rest = [getattr(key, "key", getattr(key, "idx", getattr(key, "name", None))) for key in path]
    return ".".join(map(str, [first if keywords else parameters[first], *rest]))


def _described(name, value):
    if value.dtype not in DTYPES:
        raise StageError("usage", "the program takes {}, {}".format(name, value.dtype), WITH_INPUTS)
    return {"name": name, "shape": list(value.shape), "dtype": str(value.dtype).replace("torch.", "")}
