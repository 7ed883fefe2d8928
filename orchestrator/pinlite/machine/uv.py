"""uv, which comes as a dependency: environments, and requirements locked with hashes."""

import os
import subprocess
from pathlib import Path

from uv import find_uv_bin


class UvError(Exception):
    """uv failed; the message is what it printed."""


def run(*arguments: str | Path, scratch: str = "") -> str:
    """Run uv and return its standard output, without its white space at the ends. ``scratch`` is a folder for what it
    leaves behind: locks of the sources that it reads.
    """
    environment = os.environ | ({"TMPDIR": scratch} if scratch else {})
    command = [find_uv_bin(), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, env=environment
    )
    if done.returncode:
        raise UvError(done.stderr.strip() or done.stdout.strip() or f"uv exited ({done.returncode})")
    return done.stdout.strip()
