"""The files that a lock installs: uv lists those of the index, and the best is chosen as installers do."""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name
from pydantic import Field

from pinlite import digest
from pinlite.errors import ImageError
from pinlite.machine import temporary, uv
from pinlite.machine.retries import advice, blames_network
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import Base, ImageRecipe, indexes, wheel_tags
from pinlite.toolchain.images import SOURCE_LINE
from pinlite.toolchain.npm import packages

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


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
        return not (self.filename.endswith(".whl") or self.is_npm)

    @property
    def is_npm(self) -> bool:
        return self.filename.endswith(".tgz")

    @property
    def requirement(self) -> str:
        """What has an installer take this file and no other."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class Pins:
    """The lock of an image, or of a base, for the Python and the platform of a base. ``sources`` are the packages that
    exist as source only, ``index`` has those that PyPI does not have; ``npm`` is a lock of npm's, for what is beside.
    """

    name: str
    lock: bytes = field(repr=False)
    base: Base
    sources: tuple[str, ...] = ()
    index: str = ""
    npm: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, recipe: ImageRecipe) -> Self:
        return cls(recipe.name, recipe.installed, recipe.base, recipe.sources, recipe.index, recipe.npm)

    @property
    def key(self) -> str:
        """A digest of all that decides which files these are."""
        beside = [digest.of_bytes(self.npm)] if self.npm else []
        return digest.of_json([digest.of_bytes(self.lock), self.base.python, self.base.wheels, self.sources, *beside])

    def beside(self, there: Mapping[str, str]) -> list[str]:
        """The packages to install where others are there already, by name and version."""
        return [name for name, (version, _) in self._pinned.items() if there.get(name) != version]

    def allows(self, file: Distribution) -> bool:
        """Whether the lock names a file of its package by its hash. Of npm's packages it has no sha256: what they are
        is seen when they are unpacked.
        """
        if file.is_npm:
            known = packages(self.npm).get(file.package)
            return known is not None and (known.version, known.filename) == (file.version, file.filename)
        version, allowed = self._pinned.get(file.package, ("", frozenset[str]()))
        return file.version == version and file.sha256 in allowed

    def by_kind(self) -> tuple[str, str]:
        """The lines of the lock for wheels, and those for sources."""
        lines: tuple[list[str], list[str]] = [], []
        for line in self._lines:
            pin = _PIN.match(line)
            if pin or not line.startswith(SOURCE_LINE):
                lines[pin is not None and canonicalize_name(pin["name"]) in self.sources].append(f"{line}\n")
        return "".join(lines[0]), "".join(lines[1])

    @property
    def _lines(self) -> list[str]:
        return self.lock.decode().replace("\\\n", " ").splitlines()

    @cached_property
    def _pinned(self) -> dict[str, tuple[str, frozenset[str]]]:
        """By package its version, and the sha256 of each file that the lock allows; those of npm have none."""
        return {name: (each.version, frozenset[str]()) for name, each in packages(self.npm).items()} | {
            canonicalize_name(pin["name"]): (pin["version"], frozenset(_HASH.findall(line)))
            for line in self._lines
            if (pin := _PIN.match(line))
        }

    def ask(self) -> dict[str, Distribution]:
        """The files as the index has them now, by package, each with its URL.

        Raises:
            ImageError: The index is not reached, or has no file of a package that the lock allows and the base can
                install.
        """
        return {each["name"]: self._chosen(each) for each in tomllib.loads(self._resolved()).get("packages", ())}

    def _chosen(self, package: Mapping[str, Any]) -> Distribution:
        """The file of a package, as pylock.toml has it, that an installer would take of those that the lock allows."""
        allowed = self._pinned[package["name"]][1]
        # An index need not have hashes: then it is seen once the file is here.
        sources = [package["sdist"]] if "sdist" in package else []
        files = [
            file for file in (*package.get("wheels", ()), *sources) if file["hashes"].get("sha256") in (None, *allowed)
        ]
        best = wheel_tags.best(files, self.base)
        if best is None:
            raise ImageError(
                f"the package index has no file for {package['name']} {package['version']} that the lock of "
                f"{self.name} allows",
                hint="check that the index has what the lock was made from; `UV_DEFAULT_INDEX` names another one",
            )
        return Distribution(
            package=package["name"],
            version=package["version"],
            filename=wheel_tags.name(best),
            sha256=best["hashes"].get("sha256") or min(allowed),
            size=best.get("size") or _on_disk(best["url"]),
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
                    *indexes.beside(self.lock.decode(), self.index, self.base, Path(folder)),
                    lock,
                )
            except uv.UvError as error:
                other = "check that the index has everything that the lock pins; `UV_DEFAULT_INDEX` names another one"
                hint = advice(error) if blames_network(error) else other
                if missing := ", ".join(indexes.local_versions(self.lock.decode())):
                    hint = f"{hint}; PyPI does not have {missing}: {indexes.ELSEWHERE}"
                raise ImageError(
                    f"the packages of {self.name} can't be looked up in the package index:\n{error}", hint=hint
                ) from error


def _on_disk(url: str) -> int | None:
    """The size of a file that an index has in a folder here."""
    where = urlsplit(url)
    path = Path(unquote(where.path))
    return path.stat().st_size if where.scheme == "file" and path.is_file() else None
