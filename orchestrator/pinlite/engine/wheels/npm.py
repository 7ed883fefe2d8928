"""Files of npm's packages, fetched by npm, and what is in them."""

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pinlite import digest
from pinlite.engine.wheels.pins import Distribution, Pins
from pinlite.errors import ImageError
from pinlite.machine import npm, temporary
from pinlite.toolchain.npm import FOLDER, NpmPackage, packages

if TYPE_CHECKING:
    from pinlite.engine.wheels.cache import WheelCache

_ADVICE = "check that npm is here (apt-get install npm) and reaches its registry: npm ping"


def fetched(cache: "WheelCache", pins: Pins) -> dict[str, Distribution]:
    """The files of the packages that a lock of npm's names, by package, once they are in the cache.

    Raises:
        ImageError: npm is missing, can't fetch one, or has fetched another one.
    """
    known = packages(pins.npm)
    if not known:
        return {}
    with temporary.folder(beside=cache.root / "npm") as name:
        folder = Path(name)
        try:
            npm.run("pack", *(f"{each.name}@{each.version}" for each in known.values()), folder=folder)
        except npm.NpmError as error:
            raise ImageError(f"the packages of npm of {pins.name} can't be fetched:\n{error}", hint=_ADVICE) from error
        return {each.name: _placed(cache, each, folder / each.filename) for each in known.values()}


def unpacked(pins: Pins, files: Mapping[str, Path]) -> dict[str, bytes]:
    """What is in the packages of a lock, by its place below the stage programs. ``files`` are by package.

    Raises:
        ImageError: A file is not what the lock names.
    """
    found: dict[str, bytes] = {}
    for package in packages(pins.npm).values():
        content = files[package.name].read_bytes()
        _check(package, content)
        found |= {f"{FOLDER}/{package.name}/{place}": data for place, data in _members(content)}
    return found


def _placed(cache: "WheelCache", package: NpmPackage, path: Path) -> Distribution:
    content = path.read_bytes()
    _check(package, content)
    file = Distribution(
        package=package.name,
        version=package.version,
        filename=package.filename,
        sha256=digest.of_bytes(content),
        size=len(content),
    )
    path.chmod(0o644)
    path.replace(cache.place(file))
    return file


def _check(package: NpmPackage, content: bytes) -> None:
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"
    if integrity != package.integrity:
        raise ImageError(
            f"{package.filename} is not what the lock names: its integrity is {integrity}",
            hint="npm's registry, or a proxy before it, serves another file: do not install it",
        )


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of a package, by their places in it."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        for member in tar:
            # All are in one folder, which most call "package".
            place = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if (data := tar.extractfile(member)) is not None and ".." not in place.parts:
                yield str(place), data.read()
