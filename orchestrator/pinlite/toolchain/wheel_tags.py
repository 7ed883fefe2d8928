"""Which files of a package a base can install, and which of them an installer takes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from pinlite.toolchain.bases import Base

_PLATFORM = re.compile(r"(?P<machine>\w+)-manylinux_2_(?P<minor>\d+)")
# The first glibc that the manylinux tags speak of, and what older tools call some of them.
_FIRST = 5
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


def best(files: Iterable[Mapping[str, Any]], base: Base) -> Mapping[str, Any] | None:
    """The most special of the files, as pylock.toml has them; a source only where there is no wheel; None for none."""
    ranks = {tag: rank for rank, tag in enumerate(dict.fromkeys(_tags(base)))}
    ranked = [(rank, file) for file in files if (rank := _rank(name(file), ranks)) is not None]
    return min(ranked, key=lambda each: each[0])[1] if ranked else None


def name(file: Mapping[str, Any]) -> str:
    """A file's name, by its URL."""
    return unquote(urlsplit(file["url"]).path).rpartition("/")[2]


def _rank(filename: str, ranks: Mapping[Tag, int]) -> int | None:
    """How special a wheel is, the least most of all, and a source behind all of them; None for another platform's."""
    if not filename.endswith(".whl"):
        return len(ranks)
    return min((ranks[tag] for tag in parse_wheel_filename(filename)[-1] if tag in ranks), default=None)


def _tags(base: Base) -> Iterator[Tag]:
    """What wheels may be for, the most special first."""
    found = _PLATFORM.fullmatch(base.wheels)
    assert found, f"{base.wheels} is no platform of the form x86_64-manylinux_2_28"
    python = tuple(map(int, base.python.split(".")))
    names = [
        tag
        for minor in range(int(found["minor"]), _FIRST - 1, -1)
        for tag in (f"manylinux_2_{minor}", _LEGACY.get(minor))
        if tag
    ]
    platforms = [f"{tag}_{found['machine']}" for tag in (*names, "linux")]
    yield from cpython_tags(python, platforms=platforms)
    yield from compatible_tags(python, f"cp{python[0]}{python[1]}", platforms)
