"""The files that a worker has written: measuring and removing them without trusting them.

It also runs beside a worker on another machine (`pinlite.engine.docker.inside`), in Python 3.8, by itself.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# A SavedModel has a handful of files, three folders deep.
MOST_FILES = 10_000
DEEPEST = 16

_BLOCK = 512  # what st_blocks counts in


@dataclass(frozen=True)
class Excess:
    """What there is too much of, and what can be done about it."""

    what: str
    hint: str


def excess(folders: Iterable[Path], limit: int) -> Excess | None:
    """What is beyond ``limit`` bytes, or beyond all that any stage has a use for.

    A file counts by what it claims to hold or by what it takes, whichever is more: a sparse one is copied as a whole.
    """
    size, files, waiting = 0, 0, [(folder, 0) for folder in folders]
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    files += 1
                    if files > MOST_FILES:
                        return strange(f"more than {MOST_FILES} files")
                    status = entry.stat(follow_symlinks=False)
                    size += max(status.st_size, status.st_blocks * _BLOCK)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((Path(entry.path), depth + 1))
        except FileNotFoundError:
            continue  # it removes what it wrote
        except OSError as error:
            return strange(f"a folder that can't be looked into ({error.strerror})")
        if depth > DEEPEST:
            return strange(f"folders more than {DEEPEST} deep")
        # No file can be larger than the limit: one that was to be is as large.
        if size >= limit:
            return too_large(limit)
    return None


def empty(folder: Path) -> None:
    """Remove what is in a folder, of any depth; the folder itself stays, for it may be mounted. None is fine."""
    with contextlib.suppress(FileNotFoundError):
        for path in [*folder.iterdir()]:
            if path.is_dir() and not path.is_symlink():
                remove(path)
            else:
                path.unlink()


def remove(folder: Path) -> None:
    """Remove a tree of any depth, which `shutil.rmtree` can't: what lies in a folder is moved up before it goes."""
    waiting, number = [folder], 0
    while waiting:
        emptied = waiting.pop()
        emptied.chmod(0o700)
        with os.scandir(emptied) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    number += 1
                    moved = folder.with_name(f"{folder.name}-{number}")
                    Path(entry.path).chmod(0o700)
                    waiting.append(Path(entry.path).rename(moved))
                else:
                    Path(entry.path).unlink()
        emptied.rmdir()


def too_large(limit: int) -> Excess:
    return Excess(f"more than its limit of {limit / 1024**3:.2g} GiB", "raise it with --disk, e.g. --disk 64g")


def strange(what: str) -> Excess:
    return Excess(what, "no conversion needs that: look at what the model's code does")
