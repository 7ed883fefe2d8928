"""Files by which processes wait for one another.

By flock: a lock ends with the process that holds it, however that ends, and nothing in the file has to be believed.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def held(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a guard, made with its folder if need be: alone, or ``shared`` with others that hold it so.

    Raises:
        BlockingIOError: Somebody holds it, and nobody waits.
        OSError: The file can't be made.
    """
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            fcntl.flock(file, how)
            # Who held it before may have removed it, with its folder: then others hold another file of that name.
            if os.fstat(file.fileno()).st_nlink:
                yield
                return


def remove(path: Path) -> bool:
    """Remove a guard that nobody holds; whether there was one, and it was removed."""
    # None is made for it: its folder may be gone, or be about to go.
    with contextlib.suppress(BlockingIOError, FileNotFoundError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:
            path.unlink()
            return True
    return False
