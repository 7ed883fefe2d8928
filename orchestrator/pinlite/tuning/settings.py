"""Writing what was chosen into pinlite.toml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from pinlite import options
from pinlite.errors import UsageError
from pinlite.inputs import paths
from pinlite.machine import writing


def write(file: Path, changed: Mapping[str, Any]) -> None:
    """Change keys of a pinlite.toml, or write a new one; all else in it stays as it is. Paths in ``changed`` are
    relative to the current folder; None removes a key.

    Raises:
        UsageError: The file can't be written.
    """
    try:
        content = tomlkit.parse(file.read_text() if file.exists() else "")
        for key, value in options.moved(changed, lambda path: paths.seen_from(file.parent, path)).items():
            if value is None:
                content.pop(key, None)
            else:
                content[key] = value
        writing.whole(file, tomlkit.dumps(content))
    except OSError as error:
        raise UsageError(
            f"{file} can't be written: {error.strerror}",
            hint="make its folder writable, or name another file with --config",
        ) from error
