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
        written.write_text(text, encoding="utf-8")
        written.replace(place)


def reason(error: OSError) -> str:
    """Why something can't be written; of a whole folder `shutil` collects it as (source, target, text of the error)."""
    found = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
    return str(found).partition("] ")[2] or str(found)


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
