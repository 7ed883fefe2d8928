"""The files in which an .onnx file keeps tensors."""

import os.path
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path, PurePosixPath

from pinlite.errors import UsageError
from pinlite.inputs import onnx_file, paths
from pinlite.inputs.onnx_file import StoredTensor

# What a model is called where a stage sees it, with the files beside it.
NAME = "model.onnx"

_AS_ONE_FILE = "get the model with all its files, or save it as one: onnx.save(onnx.load(path), other_path)"


def beside(model: Path) -> tuple[Path, ...]:
    """The files beside or below an .onnx file that it keeps tensors in, sorted.

    Raises:
        UsageError: One is missing, is cut off, or lies elsewhere: a model that a stranger made names any file. Or they
            hold more than any file that the model becomes.
    """
    head = onnx_file.read(model)
    if head is None:
        return ()
    place = attrgetter("location")
    by_file = {
        inside(model, location): tuple(tensors)
        for location, tensors in groupby(sorted(head.stored, key=place), key=place)
    }
    paths.check_size(model, model.stat().st_size + sum(_size(model, *each) for each in by_file.items()))
    return tuple(sorted(by_file))


def inside(model: Path, location: str) -> Path:
    """The file that a model names, if it is one beside or below it; else a UsageError."""
    place = PurePosixPath(location)
    path = model.parent / place
    is_named_inside = not place.is_absolute() and ".." not in place.parts and "\\" not in location
    if is_named_inside and not os.path.isfile(path):  # noqa: PTH113  # unlike Path's it takes any name
        raise UsageError(f"{model} keeps tensors in {location!r}, and there is no such file", hint=_AS_ONE_FILE)
    if not is_named_inside or not path.resolve().is_relative_to(model.parent.resolve()):
        raise UsageError(
            f"{model} keeps tensors in {location!r}, which is outside of its folder",
            hint="only files beside a model or below its folder are read; move them there, and write the model anew",
        )
    if place == PurePosixPath(NAME):
        raise UsageError(
            f"{model} keeps tensors in {location!r}, which is what a stage calls the model itself", hint=_AS_ONE_FILE
        )
    return path


def _size(model: Path, path: Path, tensors: Sequence[StoredTensor]) -> int:
    """How many bytes the tensors in a file have together, which may share some; one without a length ends with it."""
    size = path.stat().st_size
    needed = max(tensor.offset + (tensor.length or 0) for tensor in tensors)
    if size < needed:
        raise UsageError(f"{path} has {size} bytes, {model.name} needs {needed}: it is cut off", hint=_AS_ONE_FILE)
    return sum(size - tensor.offset if tensor.length is None else tensor.length for tensor in tensors)
