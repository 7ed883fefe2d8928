"""Finding a CPython for the venv engine, or letting uv install one. Versions are like 3.8."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pinlite.errors import ImageError
from pinlite.machine import uv


def find(version: str) -> Path | None:
    """The first such CPython on this machine that starts: pyenv's, uv's own, the PATH's."""
    return next((python for python in _candidates(version) if _starts(python)), None)


def find_or_make(version: str) -> Path:
    """`find`, else one that uv downloads; an ImageError when neither works."""
    found = find(version)
    if found:
        return found
    try:
        uv.run("python", "install", version)
        return Path(uv.run("python", "find", "--managed-python", version))
    except uv.UvError as error:
        raise ImageError(
            f"no CPython {version} on this machine, and uv could not install one: {error}",
            hint=f"install one: pyenv install {version}, or python{version} on the PATH",
        ) from error


def _candidates(version: str) -> Iterator[Path]:
    yield from _of_pyenv(version)
    with contextlib.suppress(uv.UvError):
        yield Path(uv.run("python", "find", "--managed-python", version))
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield Path(on_path)


def _starts(python: Path) -> bool:
    # pyenv's shims are on the PATH whether or not the version behind them is.
    try:
        done = subprocess.run([python, "-c", "import venv, ssl"], capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _of_pyenv(version: str) -> list[Path]:
    """The newest first; none where pyenv's folder can't be read, or there is no home that it could be in."""
    try:
        root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        return sorted(root.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    except (OSError, RuntimeError):
        return []
