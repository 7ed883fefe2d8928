"""What goes into a run and comes out of it, by name and digest. Names are free of this machine's folders."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pinlite import digest
from pinlite.inputs import dependencies
from pinlite.schema.recipe import Recipe


@dataclass(frozen=True, order=True)
class Resource:
    """Something by its digest, the lower-case hex of ``algorithm``: a name of in-toto's DigestSet."""

    name: str
    digest: str
    algorithm: str = "sha256"


def given(recipe: Recipe) -> tuple[Resource, ...]:
    """The files of the user's that the recipe names, as they are now.

    Modules and images for calibration are not among them: what stages were shown of those is told by `below`. Of
    ``--data`` a folder is one resource, by in-toto's ``dirHash``: a data set has any number of files.
    """
    shown = {"calibration"} if recipe.calibration and recipe.calibration.kind == "images" else set[str]()
    found = list[Resource]()
    for role, kind, path in dependencies.of(recipe):
        if kind == "path" and role not in {"requirements", *shown}:
            found += [_folder(role, path)] if role == "data" and path.is_dir() else files(role, path)
    return tuple(found)


def files(role: str, path: Path) -> tuple[Resource, ...]:
    """A file as ``role/its name``; of a folder each file below it, as ``role/its path there``."""
    names = {path.name: path} if path.is_file() else {_below(path, file): file for file in digest.files_below(path)}
    return tuple(Resource(f"{role}/{name}", digest.of_file(file)) for name, file in names.items())


def below(paths: Mapping[str, Path]) -> tuple[Resource, ...]:
    """The files below those of the paths that are folders, as ``name/path there``."""
    return tuple(resource for name, path in paths.items() if path.is_dir() for resource in files(name, path))


def _folder(role: str, path: Path) -> Resource:
    """By Go's Hash1, https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash, in hex: a sha256 of what sha256sum prints."""
    lines = sorted((_below(path, file), digest.of_file(file)) for file in digest.files_below(path))
    summary = "".join(f"{hexadecimal}  {name}\n" for name, hexadecimal in lines)
    return Resource(f"{role}/{path.name}", hashlib.sha256(summary.encode()).hexdigest(), "dirHash")


def _below(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()
