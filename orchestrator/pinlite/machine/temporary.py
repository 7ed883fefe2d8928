"""Temporary folders named after their process, so that those of killed runs can be told from live ones."""

import glob
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

from pinlite.errors import UsageError
from pinlite.machine import processes, system, writing

_OWNER = re.compile(r"(?P<machine>.+)-(?P<process>\d+\.\d+)-(?P<random>[^-]+)(-\d+)?")
_PREFIX = "pinlite-"


def folder(beside: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """A context that makes a folder for this process and removes it; with ``beside``, hidden beside that path."""
    machine, _, process = processes.this().partition("/")
    if beside:
        return tempfile.TemporaryDirectory(dir=beside.parent, prefix=f"{_hidden(beside)}{machine}-{process}-")
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{machine}-{process}-")


def leftovers(beside: Path | None = None) -> list[Path]:
    """The folders of this machine and user whose process no longer exists: among temporary files, or ``beside`` a
    path.
    """
    place, prefix = (beside.parent, _hidden(beside)) if beside else (Path(tempfile.gettempdir()), _PREFIX)
    found = []
    for path in place.glob(f"{glob.escape(prefix)}*"):
        name = _OWNER.fullmatch(path.name.removeprefix(prefix))
        if name and not processes.is_alive(f"{name['machine']}/{name['process']}") and _is_ours(path):
            found.append(path)
    return sorted(found)


def lay(file: str | Path, place: str | Path) -> None:
    """Copy a file, or give it a second name there: where it lies in a folder that `folder` made for this process, is no
    link, and may be written to, as what is kept elsewhere and only has a name in that folder may not. Raises OSError.
    """
    machine, _, process = processes.this().partition("/")
    inside = any(parent.name.startswith(f"{_PREFIX}{machine}-{process}-") for parent in Path(file).parents)
    mode = Path(file).lstat().st_mode
    if inside and stat.S_ISREG(mode) and mode & stat.S_IWUSR:
        writing.link(Path(file), Path(place))
    else:
        shutil.copyfile(file, place)


def unusable(error: OSError, folder: Path) -> UsageError:
    """What to say where the files of a run can't be written to its folder, or something else can't be read."""
    if error.errno in system.FULL:
        return UsageError(
            f"the run's files can't be written to {folder}: {error.strerror}",
            hint="make room there, or let TMPDIR name another folder",
        )
    return UsageError(
        f"{error.filename or folder} can't be read or written: {error.strerror or error}",
        hint="check that it is there, and its permissions; TMPDIR names another folder for a run's files",
    )


def _hidden(beside: Path) -> str:
    return f".{beside.name}-"


def _is_ours(path: Path) -> bool:
    """Whether the folder is this user's: all users share the folder of temporary files, so a name proves nothing."""
    try:
        return not path.is_symlink() and path.is_dir() and path.stat().st_uid == os.getuid()
    except OSError:
        return False
