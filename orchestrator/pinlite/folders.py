"""Where pinlite keeps what outlives a run."""

import os
from pathlib import Path

import platformdirs


def cache() -> Path:
    """Environments and locks that can be made again. ``PINLITE_CACHE`` moves it."""
    return Path(os.environ.get("PINLITE_CACHE") or platformdirs.user_cache_path("pinlite"))


def logs() -> Path:
    """What stages and builds printed, a folder a run."""
    return cache() / "logs"
