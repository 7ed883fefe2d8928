"""Canonical JSON, and digests of bytes, files and folders. A digest is the lower-case hex of a sha256."""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> bytes:
    """One value, one text: sorted keys, no spaces, UTF-8; floats that are no numbers are refused (ValueError).

    A file's name may be no text, and has surrogates then.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )


def of_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_json(value: Any) -> str:
    return of_bytes(canonical_json(value))


def of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_below(folder: Path) -> list[Path]:
    """The regular files below a folder, sorted by their POSIX path; bytecode is left out, it follows its source."""
    return [folder / name for name in names_below(folder)]


def names_below(folder: Path) -> list[str]:
    """The POSIX paths of those files in the folder, sorted. Folders that links lead to are not looked into."""
    found, waiting = list[str](), [""]
    while waiting:
        within = waiting.pop()
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError),
            os.scandir(f"{folder}/{within}") as entries,
        ):
            for entry in entries:
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{within}{entry.name}/")
                elif Path(entry.path).is_file() if entry.is_symlink() else entry.is_file():
                    found.append(within + entry.name)
    return sorted(found)


def of_files_below(folder: Path) -> dict[str, str]:
    """Those of the files below a folder, by their POSIX path there."""
    return {name: of_file(folder / name) for name in names_below(folder)}


def of_tree(folder: Path) -> str:
    """A folder by its files' paths and contents; empty folders, times and modes don't count."""
    return of_json(of_files_below(folder))


def of_path(path: Path) -> str:
    return of_tree(path) if path.is_dir() else of_file(path)


# What tells that a file, or each below a folder, is still the one that was hashed.
Status = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class HashedPath:
    """A file or folder with the digest that it had when ``status`` was taken. Of a folder that was hashed, ``files``
    are the digests of its files, by their POSIX path there.
    """

    path: Path
    sha256: str
    status: Status = field(repr=False)
    files: Mapping[str, str] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, path: Path, sha256: str | None = None) -> "HashedPath":
        """A path with its digest, which is read off its content unless it is known; OSError where there is none."""
        status = _status(path)
        if sha256 or not path.is_dir():
            return cls(path, sha256 or of_file(path), status)
        files = of_files_below(path)
        return cls(path, of_json(files), status, files)

    @property
    def is_unchanged(self) -> bool:
        try:
            return _status(self.path) == self.status
        except OSError:
            return False


def _status(path: Path) -> Status:
    found = ((file, file.stat()) for file in (files_below(path) if path.is_dir() else [path]))
    return tuple((str(file), status.st_ino, status.st_size, status.st_mtime_ns) for file, status in found)


def size(path: Path) -> int:
    """Of a file, or of all files below a folder, in bytes."""
    return sum(file.stat().st_size for file in files_below(path)) if path.is_dir() else path.stat().st_size
