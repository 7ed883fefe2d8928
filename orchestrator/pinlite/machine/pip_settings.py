"""Where pip looks for packages, by its configuration files and variables: https://pip.pypa.io/en/stable/topics/configuration."""

import configparser
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDERS, _INDEXES = "find-links", ("index-url", "extra-index-url")
# Later ones win.
_SECTIONS = ("global", "install")


@dataclass(frozen=True)
class Place:
    """A package index, or with ``flat`` a folder or a page that lists files."""

    url: str
    flat: bool = False


def places() -> tuple[Place, ...]:
    """What the user has told pip, folders first; PyPI is not among it unless they name it."""
    said: dict[str, str] = {}
    for file in _files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself says so
        for section in _SECTIONS:
            said |= parser[section] if parser.has_section(section) else {}
    for key in (_FOLDERS, *_INDEXES):
        if (value := os.environ.get(f"PIP_{key.replace('-', '_').upper()}")) is not None:
            said[key] = value
    found = [Place(_absolute(text), flat=True) for text in said.get(_FOLDERS, "").split()]
    found += [Place(text) for key in _INDEXES for text in said.get(key, "").split()]
    return tuple(dict.fromkeys(found))


def _files() -> Iterator[Path]:
    """The configuration files, in the order in which pip reads them."""
    own = os.environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return
    home = Path.home()
    for folder in reversed(os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep)):
        yield Path(folder, "pip", "pip.conf")
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    yield Path(sys.prefix, "pip.conf")
    if own:
        yield Path(own)


def _absolute(text: str) -> str:
    return text if "://" in text else str(Path(text).expanduser().absolute())
