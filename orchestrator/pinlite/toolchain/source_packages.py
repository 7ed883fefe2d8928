"""Packages as source: which of an index exist as nothing else, and what stands for a source where versions are chosen.

A resolver would run a source's setup.py to learn what it needs. It is given a wheel instead that says what
`pinlite.inputs.packages` has read of the source, and has nothing in it.
"""

import sys
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from packaging.requirements import Requirement

from pinlite.inputs.packages import Description
from pinlite.machine import temporary, uv
from pinlite.toolchain import wheel_tags
from pinlite.toolchain.bases import Base
from pinlite.toolchain.images import versions

# Of the Pythons whose wheels an index is asked for: a source is one for none of them.
_OLDEST = 6


@dataclass(frozen=True)
class SourceFile:
    """The source of a package, as an index has it. ``size`` is in bytes, None where the index does not say."""

    package: str
    version: str
    filename: str
    sha256: str
    size: int | None
    url: str


def find(requirement: str, base: Base, day: list[str]) -> SourceFile | None:
    """The source of what there is no wheel of, for any Python; None where there is one, or there is neither.

    ``day`` are uv's options for what was uploaded when.
    """
    if listed := _listed(requirement, base.python, day, "--python-platform", base.wheels):
        sdist = listed.get("sdist", {})
        sha256 = sdist.get("hashes", {}).get("sha256")
        pinned = f"{listed['name']}=={listed['version']}"
        if sha256 and not _has_wheels(pinned, base):
            return SourceFile(
                listed["name"], listed["version"], wheel_tags.name(sdist), sha256, sdist.get("size"), sdist["url"]
            )
    return None


def runs_on(requirement: str, base: Base) -> bool:
    """Whether the index has a wheel of it for a base, whatever else that needs."""
    return bool((_listed(requirement, base.python, [], "--python-platform", base.wheels) or {}).get("wheels"))


def _has_wheels(pinned: str, base: Base) -> bool:
    """For any platform, by the oldest Python that the package is for: uv leaves out what is for older ones."""
    newest = int(base.python.partition(".")[2])
    for minor in range(_OLDEST, newest + 1):
        if listed := _listed(pinned, f"3.{minor}", [], "--universal"):
            return "wheels" in listed
    return False


def _listed(requirement: str, python: str, day: list[str], *platform: str) -> Mapping[str, Any] | None:
    """A package as pylock.toml has it. None of its code is run, because what it needs is not asked."""
    with temporary.folder() as folder:
        wanted = Path(folder, "wanted.in")
        wanted.write_text(requirement + "\n")
        try:
            found = uv.run(
                *("pip", "compile", "--quiet", "--no-deps", "--no-header", "--format", "pylock.toml"),
                *("--python", sys.executable, "--no-python-downloads", "--python-version", python),
                *platform,
                *day,
                wanted,
                scratch=folder,
            )
        except uv.UvError:
            return None
    packages = tomllib.loads(found).get("packages", ())
    return cast("Mapping[str, Any]", packages[0]) if packages else None


def stand_in(package: Description, folder: Path, base: Base, *, built: bool) -> Path:
    """A wheel that says what a package needs, in a folder; where the package is ``built``, also what builds it and does
    not come with the base.
    """
    name = package.name.replace("-", "_")
    info = f"{name}-{package.version}.dist-info"
    requires = [*package.requires, *(_missing(package.builds_with, base) if built else ())]
    metadata = ["Metadata-Version: 2.1", f"Name: {package.name}", f"Version: {package.version}"]
    metadata += [f"Requires-Python: {package.python}"] if package.python else []
    metadata += [f"Requires-Dist: {requirement}" for requirement in requires]
    path = folder / f"{name}-{package.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "\n".join(metadata) + "\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def _missing(requirements: Iterable[str], base: Base) -> list[str]:
    there = versions(base.lock)
    return [
        text
        for text in requirements
        if not ((wanted := Requirement(text)).name in there and wanted.specifier.contains(there[wanted.name]))
    ]
