"""The files that a lock installs: uv lists those of the index, and the best is chosen as installers do."""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from pydantic import Field

from pinlite import digest
from pinlite.errors import ImageError
from pinlite.machine import temporary, uv
from pinlite.machine.retries import RECONNECT, blames_network
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import Base, ImageRecipe

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_PLATFORM = re.compile(r"(?P<machine>\w+)-manylinux_2_(?P<minor>\d+)")
# The first glibc that the manylinux tags speak of, and what older tools call some of them.
_FIRST = 5
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}


class Distribution(Frozen):
    """A file that a lock installs: a wheel, or the source of what exists as source only.

    ``size`` is in bytes, None until it is known. ``url`` is where it can be fetched, and ``allowed`` has the sha256 of
    every file that the lock allows for its package; neither is kept.
    """

    package: str
    version: str
    filename: str = Field(pattern=r"^[^/]+$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int | None = None
    url: str = Field("", exclude=True, repr=False)
    allowed: frozenset[str] = Field(frozenset(), exclude=True, repr=False)

    @property
    def is_source(self) -> bool:
        return not self.filename.endswith(".whl")

    @property
    def requirement(self) -> str:
        """What has an installer take this file and no other."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class Pins:
    """The lock of an image, or of a base, for the Python and the platform of a base. ``sources`` are the packages that
    exist as source only.
    """

    name: str
    lock: bytes = field(repr=False)
    base: Base
    sources: tuple[str, ...] = ()

    @classmethod
    def of(cls, recipe: ImageRecipe) -> Self:
        return cls(recipe.name, recipe.lock, recipe.base, recipe.sources)

    @property
    def key(self) -> str:
        """A digest of all that decides which files these are."""
        return digest.of_json([digest.of_bytes(self.lock), self.base.python, self.base.wheels, self.sources])

    def beside(self, there: Mapping[str, str]) -> list[str]:
        """The packages to install where others are there already, by name and version."""
        return [name for name, (version, _) in self._pinned.items() if there.get(name) != version]

    @cached_property
    def _pinned(self) -> dict[str, tuple[str, frozenset[str]]]:
        """By package its version, and the sha256 of each file that the lock allows."""
        lines = self.lock.decode().replace("\\\n", " ").splitlines()
        return {
            canonicalize_name(pin["name"]): (pin["version"], frozenset(_HASH.findall(line)))
            for line in lines
            if (pin := _PIN.match(line))
        }

    def ask(self) -> dict[str, Distribution]:
        """The files as the index has them now, by package, each with its URL.

        Raises:
            ImageError: The index is not reached, or has no file of a package that the lock allows and the base can
                install.
        """
        ranks = {tag: rank for rank, tag in enumerate(dict.fromkeys(_tags(self.base)))}
        packages = tomllib.loads(self._resolved()).get("packages", ())
        return {each["name"]: self._chosen(each, ranks) for each in packages}

    def _chosen(self, package: Mapping[str, Any], ranks: Mapping[Tag, int]) -> Distribution:
        """The file of a package, as pylock.toml has it, that an installer would take of those that the lock allows."""
        allowed = self._pinned[package["name"]][1]
        # An index need not have hashes: then it is seen once the file is here.
        sources = [package["sdist"]] if "sdist" in package else []
        files = [
            file for file in (*package.get("wheels", ()), *sources) if file["hashes"].get("sha256") in (None, *allowed)
        ]
        ranked = {rank: file for file in reversed(files) if (rank := _rank(_name(file), ranks)) is not None}
        if not ranked:
            raise ImageError(
                f"the package index has no file for {package['name']} {package['version']} that the lock of "
                f"{self.name} allows",
                hint="check that the index has what the lock was made from; `UV_DEFAULT_INDEX` names another one",
            )
        best = ranked[min(ranked)]
        return Distribution(
            package=package["name"],
            version=package["version"],
            filename=_name(best),
            sha256=best["hashes"].get("sha256") or min(allowed),
            size=best.get("size"),
            url=best["url"],
            allowed=allowed,
        )

    def _resolved(self) -> str:
        """What of the lock's versions is in the index, as pylock.toml."""
        with temporary.folder() as folder:
            lock = Path(folder, "requirements.lock")
            lock.write_bytes(self.lock)
            try:
                return uv.run(
                    *("pip", "compile", "--quiet", "--no-deps", "--no-header", "--format", "pylock.toml"),
                    # uv would look for the base's own Python otherwise, and download one.
                    *("--python", sys.executable, "--no-python-downloads"),
                    *("--python-version", self.base.python, "--python-platform", self.base.wheels),
                    *("--only-binary", ":all:"),
                    *(word for name in self.sources for word in ("--no-binary", name)),
                    lock,
                )
            except uv.UvError as error:
                other = "check that the index has everything that the lock pins; `UV_DEFAULT_INDEX` names another one"
                raise ImageError(
                    f"the packages of {self.name} can't be looked up in the package index:\n{error}",
                    hint=RECONNECT if blames_network(error) else other,
                ) from error


def _name(file: Mapping[str, Any]) -> str:
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
        name
        for minor in range(int(found["minor"]), _FIRST - 1, -1)
        for name in (f"manylinux_2_{minor}", _LEGACY.get(minor))
        if name
    ]
    platforms = [f"{name}_{found['machine']}" for name in (*names, "linux")]
    yield from cpython_tags(python, platforms=platforms)
    yield from compatible_tags(python, f"cp{python[0]}{python[1]}", platforms)
