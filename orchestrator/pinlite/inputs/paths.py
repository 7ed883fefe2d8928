"""Files and folders that options name."""

import difflib
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path

from pinlite.errors import UsageError

# How the name of a package's wheel ends.
WHEEL = ".whl"

_LARGEST = 2**31 - 1

# Python has a lone surrogate for each byte of a name that it can't decode.
_UNDECODED = re.compile("[\ud800-\udfff]")

# What people have under the name of a model or of its weights: how it begins, or goes on at the fifth byte; what it is,
# and what to do.
_OTHER_KINDS = (
    (0, b"version https://git-lfs", "a pointer of Git LFS to the file", "fetch the file itself: git lfs pull"),
    (0, b"<!doctype", "a web page", "download the file itself, not the page about it"),
    (0, b"<html", "a web page", "download the file itself, not the page about it"),
    (0, b"\x1f\x8b", "compressed by gzip", "unpack it: gunzip FILE"),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes", "convert it with TensorFlow's own TFLiteConverter"),
    (4, b"ORTM", "a model in onnxruntime's own format", "give the .onnx file that it was made of"),
)
_TFLITE = b"TFL3"
_NO_CHECKPOINT = ((4, _TFLITE, "a TFLite file", "give what torch.save wrote, or a .safetensors file"),)
_NO_MODEL = (
    (0, b"PK\3\4", "a zip archive", "unpack it; what torch.save wrote is converted under a name that ends in .pt"),
    (0, b"\x80\2", "a pickled object of Python", "convert a checkpoint under a name that ends in .pt"),
)


def existing_file(path: Path) -> Path:
    """The path, if it is a regular file that can be read; else a UsageError."""
    # A pipe would be waited for, and a device may never end.
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file", hint="give a regular file, no folder, pipe or device")
    return readable(path)


def readable(path: Path) -> Path:
    """The path, if there is something that can be read, a pipe maybe, as keys are given; else a UsageError."""
    if not path.exists():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*")], n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "check the path"
        raise UsageError(f"there is no file {path}", hint=hint)
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="give a file that you may read") from error
    return path


def check_text(values: Iterable[object]) -> None:
    """Raise a UsageError for a value, or one in a list, that has bytes which are no UTF-8: no report could name it."""
    for value in values:
        if isinstance(value, list):
            check_text(value)
        elif _UNDECODED.search(text := str(value)):
            raise UsageError(
                f"{text!a} is no UTF-8",
                hint="rename the file; if its name is right, the locale is not: LC_ALL=C.UTF-8",
            )


def npz_file(path: Path) -> Path:
    """An existing file that may be an .npz, by its end; else a UsageError."""
    if not zipfile.is_zipfile(existing_file(path)):
        raise UsageError(f"{path} is no whole .npz file", hint="write it with numpy.savez, one named array per input")
    return path


def tflite_file(path: Path) -> Path:
    """An existing file that begins as a TFLite file does; else a UsageError."""
    with existing_file(path).open("rb") as stream:
        if stream.read(8)[4:] != _TFLITE:
            raise UsageError(f"{path} is no TFLite file", hint="give a file that TFLite's converter wrote")
    return path


def seen_from(folder: Path, path: str) -> str:
    """A path of the current folder as it is called in another one; an absolute one stays."""
    return path if Path(path).is_absolute() else Path(os.path.relpath(path, folder)).as_posix()


def model_file(path: Path) -> Path:
    """An existing file that may be a model, by its size and its beginning; else a UsageError."""
    existing_file(path)
    check_size(path, path.stat().st_size)
    return _of_kind(path, (*_OTHER_KINDS, *_NO_MODEL))


def checkpoint_file(path: Path) -> Path:
    """An existing file that PyTorch may have written, by its beginning; else a UsageError."""
    return _of_kind(existing_file(path), (*_OTHER_KINDS, *_NO_CHECKPOINT))


def _of_kind(path: Path, others: Sequence[tuple[int, bytes, str, str]]) -> Path:
    """The file, if it does not begin as one of ``others``; else a UsageError."""
    with path.open("rb") as stream:
        beginning = stream.read(32)
    for at, magic, what, hint in others:
        if beginning[at : at + len(magic)].lower() == magic.lower():
            raise UsageError(f"{path} is {what}", hint=hint)
    return path


def check_size(model: Path, size: int) -> None:
    """Raise a UsageError for a model that is too large, with all that it keeps in other files."""
    if size > _LARGEST:
        raise UsageError(
            f"{model} is larger than 2 GiB, the most that protobuf and flatbuffers can hold",
            hint="such a large file is damaged, or not a model of this kind",
        )


def leads_out(path: Path, folder: Path) -> bool:
    """Whether a path is a link to something outside of the folder."""
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def closed_folder(folder: Path) -> Path:
    """The folder, if no link in it leads out of it; else a UsageError, because the model could read other files."""
    check_closed(sorted(folder.rglob("*")), folder)
    return folder


def check_closed(paths: Iterable[Path], folder: Path) -> None:
    """Raise a UsageError for the first of a folder's paths that leads out of it."""
    for path in paths:
        if leads_out(path, folder):
            raise UsageError(
                f"{path} is a link that leads out of {folder}", hint="if you trust it, give a copy: cp -rL FOLDER COPY"
            )


def existing(
    option: str, text: str | PathLike[str] | None, check: Callable[[Path], Path] = existing_file
) -> Path | None:
    """The file that an option names, which ``check`` does not refuse; None without a text."""
    if text is None:
        return None
    try:
        return check(Path(text))
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def existing_path(option: str, text: str | PathLike[str] | None) -> Path | None:
    """An existing file or folder; else a UsageError."""
    return Path(text) if text and Path(text).is_dir() else existing(option, text)
