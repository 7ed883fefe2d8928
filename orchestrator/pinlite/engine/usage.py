"""When images were last used: the time of a file, because engines don't record it."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from pinlite.engine.protocol import Image
from pinlite.machine import folders

_SHORT = 16


def note(engine: str, images: Iterable[Image]) -> None:
    """Remember that images are used now; where nothing can be written, nobody does."""
    for image in images:
        with contextlib.suppress(OSError):
            noted = _file(engine, image)
            noted.parent.mkdir(parents=True, exist_ok=True)
            noted.touch()


def last(engine: str, image: Image) -> float:
    """When an image was used, or made where nobody remembers, in seconds since 1970."""
    with contextlib.suppress(OSError):
        return _file(engine, image).stat().st_mtime
    return image.made


def forget(engine: str, image: Image) -> None:
    _file(engine, image).unlink(missing_ok=True)


def _file(engine: str, image: Image) -> Path:
    return folders.cache() / "used" / engine / f"{image.name}-{image.identity[:_SHORT]}"
