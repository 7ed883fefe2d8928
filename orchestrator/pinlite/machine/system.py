"""The one operating system that pinlite works on."""

import errno
import sys

from pinlite.errors import NoEngineError

# What it answers where a disk, a quota, or a limit on the size of files is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check() -> None:
    """NoEngineError where this is no Linux; to be called before what can't even be imported elsewhere."""
    if sys.platform != "linux":
        raise NoEngineError(
            f"pinlite works on Linux alone, and this is {sys.platform}",
            hint="on Windows run it in WSL 2, on macOS in a virtual machine or a container with Linux",
        )
