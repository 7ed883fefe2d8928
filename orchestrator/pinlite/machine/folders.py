"""The folders in which pinlite keeps what outlives a run, and those of its own files."""

import os
import shutil
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parents[1]


def _own(name: str) -> Path:
    """A folder that is beside the host half in a checkout, and within it where it is installed."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / name


# The image recipes, and the examples.
IMAGES, EXAMPLES = _own("images"), _own("examples")


def cache() -> Path:
    """The folder of what can be made again: environments, packages, results, logs. ``PINLITE_CACHE`` names another."""
    return Path(os.environ.get("PINLITE_CACHE") or platformdirs.user_cache_path("pinlite"))


def free(path: Path) -> int:
    """How many bytes are free on the disk of a path, which need not exist."""
    return shutil.disk_usage(nearest(path)).free


def device(path: Path) -> int:
    """The number of the filesystem of a path, which need not exist."""
    return nearest(path).stat().st_dev


def nearest(path: Path) -> Path:
    """The path, where it exists, else the nearest of its parents that does."""
    return next(each for each in (path, *path.parents) if each.exists())


def logs() -> Path:
    """The folder of logs: a folder for each run, and one for builds."""
    return cache() / "logs"
