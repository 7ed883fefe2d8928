"""Files and folders that options name."""

import difflib
from os import PathLike
from pathlib import Path

from pinlite.errors import UsageError

_LARGEST = 2**31 - 1


def existing_file(path: Path) -> Path:
    """The path, if it is a file that can be read; else a UsageError."""
    if not path.exists():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*")], n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "check the path"
        raise UsageError(f"there is no file {path}", hint=hint)
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="give a file that you may read") from error
    return path


def model_file(path: Path) -> Path:
    """An existing file of a size that a model can have; else a UsageError."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file", hint="give the model's file")
    existing_file(path)
    check_size(path, path.stat().st_size)
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
    for path in sorted(folder.rglob("*")):
        if leads_out(path, folder):
            raise UsageError(
                f"{path} is a link that leads out of {folder}", hint="if you trust it, give a copy: cp -rL FOLDER COPY"
            )
    return folder


def existing(option: str, text: str | PathLike[str] | None) -> Path | None:
    if text is None:
        return None
    try:
        return existing_file(Path(text))
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def existing_path(option: str, text: str | PathLike[str] | None) -> Path | None:
    """An existing file or folder; else a UsageError."""
    return Path(text) if text and Path(text).is_dir() else existing(option, text)
