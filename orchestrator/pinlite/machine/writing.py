"""Writing files."""

import tempfile
from pathlib import Path


def whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link stays one. Raises OSError."""
    place = path.resolve()
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as folder:
        written = Path(folder, place.name)
        written.write_text(text)
        written.replace(place)
