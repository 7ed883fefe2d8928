"""Where pinlite keeps what outlives a run, and where its own files are."""

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parent
_INSTALLED = _PACKAGE / "_images"

# The image recipes: beside the host half in a checkout, within it where it is installed.
IMAGES = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "images"


def cache() -> Path:
    """Environments and locks that can be made again. ``PINLITE_CACHE`` moves it."""
    return Path(os.environ.get("PINLITE_CACHE") or platformdirs.user_cache_path("pinlite"))


def logs() -> Path:
    """What stages and builds printed, a folder a run."""
    return cache() / "logs"
