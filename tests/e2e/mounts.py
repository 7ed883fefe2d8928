"""Filesystems of a test's own: small ones, and such that can't be written."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Path]:
    """A new folder with one mounted on it by these options; skips where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "pinlite-test", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a filesystem of its own can't be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
