"""The files in which an .onnx file keeps tensors."""

from pathlib import Path, PurePosixPath

from pinlite.errors import UsageError
from pinlite.inputs import onnx_file
from pinlite.inputs.paths import leads_out

_AS_ONE_FILE = "get the model with all its files, or save it as one: onnx.save(onnx.load(path), other_path)"


def beside(model: Path) -> tuple[Path, ...]:
    """The files beside or below an .onnx file that it keeps tensors in, sorted.

    Raises:
        UsageError: One is missing, is cut off, or lies elsewhere: a model that a stranger made names any file.
    """
    head = onnx_file.read(model)
    return tuple(_checked(model, name, least) for name, least in head.locations.items()) if head else ()


def _checked(model: Path, name: str, least: int) -> Path:
    place = PurePosixPath(name)
    path = model.parent / place
    if not name or place.is_absolute() or ".." in place.parts or "\\" in name or leads_out(path, model.parent):
        raise UsageError(
            f"{model} keeps tensors in {name!r}, which is outside of its folder",
            hint="only files beside a model or below its folder are read; move them there, and write the model anew",
        )
    if not path.is_file():
        raise UsageError(f"{model} keeps tensors in {name}, which is not there", hint=_AS_ONE_FILE)
    size = path.stat().st_size
    if size < least:
        raise UsageError(f"{path} has {size} bytes, {model.name} needs {least}: it is cut off", hint=_AS_ONE_FILE)
    return path
