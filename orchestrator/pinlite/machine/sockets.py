"""Sockets that have a path."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

# In bytes, with what ends it: macOS has room for 104, Linux for 108.
_ROOM = 104


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """A name of the path that a socket has room for, as long as the context is open; for child processes too."""
    if len(os.fsencode(path)) < _ROOM:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/{os.getpid()}/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
