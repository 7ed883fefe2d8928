"""Where pinlite keeps what outlives a run, and where its own files are."""

import os
import shutil
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "_images"

# The image recipes: beside the host half in a checkout, within it where it is installed.
IMAGES = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "images"


def cache() -> Path:
    """Environments and locks that can be made again. ``PINLITE_CACHE`` moves it."""
    return Path(os.environ.get("PINLITE_CACHE") or platformdirs.user_cache_path("pinlite"))


def free(path: Path) -> int:
    """How many bytes are free where a path is, or would be."""
    return shutil.disk_usage(_nearest(path)).free


def device(path: Path) -> int:
    """The filesystem that a path is in, or would be."""
    return _nearest(path).stat().st_dev


def _nearest(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def logs() -> Path:
    """What stages and builds printed, a folder a run."""
    return cache() / "logs"
