"""The inputs and results of a run, by name and digest. Names do not have this machine's folders."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pinlite import digest
from pinlite.digest import HashedPath
from pinlite.inputs.dependencies import Dependency
from pinlite.schema.recipe import Recipe


@dataclass(frozen=True, order=True)
class Resource:
    """Something by its digest, the lower-case hex of ``algorithm``: a name of in-toto's DigestSet."""

    name: str
    digest: str
    algorithm: str = "sha256"


def given(recipe: Recipe, dependencies: Iterable[Dependency]) -> tuple[Resource, ...]:
    """The user's files that the recipe names, by what was read of its dependencies.

    Modules and images for calibration are not among them: what stages were shown of those is told by `below`. Of
    ``--data`` a folder is one resource, by in-toto's ``dirHash``: a data set has any number of files.
    """
    shown = {"calibration"} if recipe.calibration and recipe.calibration.kind == "images" else set[str]()
    found = list[Resource]()
    for each in dependencies:
        if each.kind != "modules" and each.role not in {"requirements", *shown}:
            found += _resources(each)
    return tuple(found)


def _resources(dependency: Dependency) -> list[Resource]:
    role, name = dependency.role, dependency.path.name
    if dependency.files is None:
        return [Resource(f"{role}/{name}", dependency.digest)]
    if role == "data":
        return [Resource(f"{role}/{name}", _dir_hash(dependency.files), "dirHash")]
    # There may be several packages, with a setup.py each.
    within = f"{role}/{name}" if dependency.kind == "package" else role
    return [Resource(f"{within}/{file}", sha256) for file, sha256 in dependency.files.items()]


def below(paths: Mapping[str, Path | HashedPath]) -> tuple[Resource, ...]:
    """The files below those of the paths that are folders, as ``name/path there``."""
    return tuple(
        Resource(f"{name}/{file}", sha256) for name, path in paths.items() for file, sha256 in _files(path).items()
    )


def _files(found: Path | HashedPath) -> Mapping[str, str]:
    """The digests of the files of a folder, which are not read where that is known; none of a file."""
    if isinstance(found, HashedPath):
        return found.files if found.files is not None and found.is_unchanged else _files(found.path)
    return digest.of_files_below(found) if found.is_dir() else {}


def _dir_hash(files: Mapping[str, str]) -> str:
    """By Go's Hash1, https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash, in hex: a sha256 of what sha256sum prints."""
    summary = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(summary.encode()).hexdigest()
