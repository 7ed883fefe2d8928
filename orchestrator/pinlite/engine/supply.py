"""The packages of images: looked up, compared with the free disk, reported, and fetched before images are made."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pinlite.engine.wheels import Distribution, Pins, WheelCache, unpacked
from pinlite.errors import ImageError
from pinlite.events import BuildPlanned, Observer
from pinlite.machine import folders
from pinlite.toolchain import ImageRecipe
from pinlite.units import bytes_

# How much of a disk a file takes once it is installed and compiled, in its own size: measured on the packages of the
# toolchains. What is in the largest of them is packed worse: code for GPUs.
_UNPACKED, _LARGE, _UNPACKED_LARGE = 4.0, 256 * 10**6, 2.1
_NEEDS_MORE = (
    "a source is built without a network, with what its base has (setuptools, wheel) and with the wheels of --with: "
    "add what it needs by --with, or build a wheel of it yourself, and give that"
)
# What an image takes besides packages: the compiled standard library, and programs.
_BESIDE = 20 * 10**6


@dataclass(frozen=True)
class Wanted:
    """The packages of one image that is to be made, beside those that are ``there`` already, by name and version."""

    image: str
    pins: Pins
    there: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Supply:
    """A file of an image, and where it is on this machine."""

    file: Distribution
    path: Path


@contextlib.contextmanager
def provided(
    wanted: Sequence[Wanted], place: Path | None, observe: Observer, *, twice: bool = False
) -> Iterator[dict[str, list[Supply]]]:
    """The files of each image, fetched where they are not here yet; they stay as long as the context.

    ``place`` is where images are made, None where that can't be seen from here; ``twice`` says that one is there twice
    while it is made.

    Raises:
        ImageError: A file can't be had; or there is no room for them and for what becomes of them, and then nothing is
            fetched.
    """
    cache = WheelCache()
    with cache.using():
        supplies = _provide(cache, wanted, place, observe, twice=twice) if wanted else {}
        try:
            yield supplies
        except ImageError as error:
            damaged = cache.damaged(each.file for files in supplies.values() for each in files)
            if damaged:
                error.hint = (
                    f"{', '.join(damaged)} was damaged on this disk, and is removed: run the same command again"
                )
            raise


def _provide(
    cache: WheelCache, wanted: Sequence[Wanted], place: Path | None, observe: Observer, *, twice: bool
) -> dict[str, list[Supply]]:
    files = {each.image: cache.listed(each.pins, each.there, observe) for each in wanted}
    missing = cache.missing(file for those in files.values() for file in those)
    rooms = [installed(those) for those in files.values()]
    room = sum(rooms) + (max(rooms) if twice else 0)
    to_fetch = sum(file.size or 0 for file in missing)
    free = folders.free(place) if place else None
    observe(BuildPlanned(len(missing), to_fetch, room, free))
    if missing:
        _check(cache.root, to_fetch, place, room)
    here = cache.fetch(missing, observe)
    for each in wanted:
        files[each.image] = [here.get(file.sha256, file) for file in files[each.image]]
        cache.remember(each.pins, files[each.image])
    return {image: [Supply(file, cache.path(file)) for file in those] for image, those in files.items()}


def beside(recipe: ImageRecipe, files: Iterable[Supply]) -> dict[str, bytes]:
    """What an image has of npm's packages, by its place below the stage programs; an ImageError as `unpacked`."""
    return unpacked(Pins.of(recipe), {each.file.package: each.path for each in files if each.file.is_npm})


def installed(files: Iterable[Distribution]) -> int:
    """About how many bytes an image takes besides what it stands on."""
    sizes = [file.size or 0 for file in files]
    return _BESIDE + int(sum(size * (_UNPACKED if size < _LARGE else _UNPACKED_LARGE) for size in sizes))


def advice(recipe: ImageRecipe) -> str:
    """What to do where a package of ``--with`` can't be built; "" where none is."""
    return _NEEDS_MORE if recipe.builds and (recipe.local or recipe.strange_sources) else ""


def _check(cache: Path, to_fetch: int, place: Path | None, room: int) -> None:
    if place and folders.device(place) == folders.device(cache):
        needs = {place: to_fetch + room}
    else:
        needs = {cache: to_fetch} | ({place: room} if place else {})
    for where, needed in needs.items():
        if folders.free(where) < needed:
            raise ImageError(
                f"the disk has no room for the images: with their packages they take about {bytes_(needed)} at "
                f"{where}, where {bytes_(folders.free(where))} are free",
                hint="make room: `pinlite images gc` removes images and packages that are not used; PINLITE_CACHE moves"
                " the packages",
            )
