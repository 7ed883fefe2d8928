"""npm, the client of the registry that has the packages of browsers; it is found on this machine."""

import shutil
import subprocess
from pathlib import Path

# No script of a package runs, and a lock names no host.
_ALWAYS = ("--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund", "--loglevel=error")


class NpmError(Exception):
    """npm failed or is missing; the message is its output."""


def run(*arguments: str | Path, folder: Path) -> str:
    """Run npm in a folder, and return its standard output, stripped."""
    found = shutil.which("npm")
    if found is None:
        raise NpmError("there is no npm on this machine: apt-get install npm")
    command = [found, *map(str, arguments), *_ALWAYS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=folder)
    if done.returncode:
        raise NpmError(done.stderr.strip() or done.stdout.strip() or f"npm exited ({done.returncode})")
    return done.stdout.strip()
