"""Temporary folders whose names tell whose they are, so that those of killed runs can be told from live ones."""

import os
import re
import tempfile
from pathlib import Path

from pinlite import processes

_NAME = re.compile(r"pinlite-(?P<machine>.+)-(?P<process>\d+\.\d+)-(?P<random>[^-]+)(-\d+)?")


def folder() -> tempfile.TemporaryDirectory[str]:
    """A context that makes a folder of this process's, and removes it."""
    machine, _, process = processes.this().partition("/")
    return tempfile.TemporaryDirectory(prefix=f"pinlite-{machine}-{process}-")


def random_part(path: Path) -> str:
    """What tells a folder from the others of its process, and says nothing of the machine."""
    return path.name.rpartition("-")[2]


def leftovers() -> list[Path]:
    """The folders of processes of this machine and user that no longer exist, where temporary files go now."""
    found = []
    for path in Path(tempfile.gettempdir()).glob("pinlite-*"):
        name = _NAME.fullmatch(path.name)
        if name and not processes.is_alive(f"{name['machine']}/{name['process']}") and _is_ours(path):
            found.append(path)
    return sorted(found)


def _is_ours(path: Path) -> bool:
    """In a folder that all users share, a name is no proof."""
    try:
        return not path.is_symlink() and path.is_dir() and path.stat().st_uid == os.getuid()
    except OSError:
        return False
