"""Writing files."""

import os
import shutil
import tempfile
from pathlib import Path


def whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link stays one. Raises OSError."""
    place = path.resolve()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as folder:
        written = Path(folder, place.name)
        written.write_text(text)
        written.replace(place)


def link(file: Path, target: Path) -> None:
    """Give a file that nobody changes any more a second name; a copy where the target is on another filesystem, or one
    without links. Raises OSError.
    """
    try:
        os.link(file, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(file, target)
