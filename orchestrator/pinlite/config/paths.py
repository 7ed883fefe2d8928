"""Files and folders that options name."""

import difflib
from pathlib import Path

from pinlite.errors import UsageError


def existing_file(path: Path) -> Path:
    """The path, when it is a file that can be read; else a UsageError."""
    if not path.exists():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*")], n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "check the path"
        raise UsageError(f"there is no file {path}", hint=hint)
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", hint="give a file that you may read") from error
    return path


def existing(option: str, text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        return existing_file(Path(text))
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def existing_path(option: str, text: str | None) -> Path | None:
    """A file or folder that there is."""
    return Path(text) if text and Path(text).is_dir() else existing(option, text)
