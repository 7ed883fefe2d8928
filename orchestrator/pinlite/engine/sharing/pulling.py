"""Images that others have made: those that are believed, held to their digests."""

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinlite.engine.protocol import Carrier, Image
from pinlite.engine.sharing.index import Entry
from pinlite.engine.sharing.repository import Source
from pinlite.engine.sharing.transfers import Transfers, scratch
from pinlite.errors import ImageError, RegistryError
from pinlite.events import Observer
from pinlite.machine import folders
from pinlite.registry import Descriptor, Manifest
from pinlite.toolchain import ImageRecipe
from pinlite.units import bytes_

# How many blobs come at a time.
_AT_ONCE = 4
_LIES = "whoever serves it serves something else than what was signed: nothing of it is used"


@dataclass(frozen=True)
class Wanted:
    """``images`` are to come, what others stand on first; ``missing`` are the names of those that nobody has signed."""

    images: tuple[tuple[Image, Entry], ...]
    missing: tuple[str, ...]


def wanted(carrier: Carrier, recipes: Iterable[ImageRecipe], signed: Mapping[str, Entry]) -> Wanted:
    """What of the recipes' images is not here, and was signed; of an image that adds to another one, that other one
    where it was not signed itself.
    """
    by_base: dict[str, list[ImageRecipe]] = {}
    for recipe in recipes:
        by_base.setdefault(recipe.base.name, []).append(recipe)
    images: dict[str, tuple[Image, Entry]] = {}
    missing = []
    for those in by_base.values():
        on = _stands_on(carrier, those, signed)
        found = [each for recipe in those if (each := _nearest(carrier, recipe, on, signed))]
        base = carrier.base(those[0].base, on)
        if found and base and base.identity in signed and not carrier.has(base):
            images[base.reference] = base, signed[base.identity]
        images |= {image.reference: (image, entry) for image, entry in found}
        possible = [(recipe.name, carrier.possible(recipe)[on]) for recipe in those]
        missing += [name for name, image in possible if image.identity not in signed and not carrier.has(image)]
    return Wanted(tuple(images.values()), tuple(missing))


def pull(carrier: Carrier, images: Sequence[tuple[Image, Entry]], there: Source, where: str, observe: Observer) -> None:
    """Have images here. What has come whole stays, whatever becomes of the others.

    Raises:
        RegistryError: One does not come, or is not what was signed.
        ImageError: The engine does not take one, or the disk has no room.
    """
    if not images:
        return
    manifests = {image.reference: _manifest(there, entry, where) for image, entry in images}
    blobs = {blob.digest: blob for manifest in manifests.values() for blob in (manifest.config, *manifest.layers)}
    size = sum(blob.size for blob in blobs.values())
    what = f"pulling {_counted([image for image, _ in images])}"
    with scratch() as folder, Transfers(what, size, observe, _AT_ONCE) as moving:
        _check_room(folder, size)
        come = set[str]()
        for image, _ in images:
            manifest = manifests[image.reference]
            left = {blob.digest: blob for blob in (manifest.config, *manifest.layers) if blob.digest not in come}
            moving.run([functools.partial(_pull_blob, there, blob, folder, where) for blob in left.values()])
            come |= left.keys()
            carrier.unpack(image, manifest, folder)
        moving.finish(f"pulled {_counted([image for image, _ in images])} from {where}")


def _stands_on(carrier: Carrier, recipes: Sequence[ImageRecipe], signed: Collection[str]) -> str:
    """The identity of the base on which more of the recipes' images are here or were signed: images that work together
    have to stand on the same one.
    """
    possible = [carrier.possible(recipe) for recipe in recipes]
    known = {
        base: sum(images[base].identity in signed or carrier.has(images[base]) for images in possible)
        for base in possible[0]
    }
    return max(known, key=lambda base: known[base])


def _nearest(carrier: Carrier, recipe: ImageRecipe, on: str, signed: Mapping[str, Entry]) -> tuple[Image, Entry] | None:
    """The image, or the nearest of those that it adds to; None where it is here, or nobody has signed one."""
    for each in reversed(recipe.lineage):
        image = carrier.possible(each)[on]
        if carrier.has(image):
            return None
        if image.identity in signed:
            return image, signed[image.identity]
    return None


def _manifest(there: Source, entry: Entry, where: str) -> Manifest:
    found = there.artifact(entry.digest)
    if found is None:
        raise RegistryError(f"{where} does not have the {entry.name} image any more", hint="push it again")
    if found[0].digest != entry.digest:
        raise RegistryError(f"what {where} has as the {entry.name} image has another digest", hint=_LIES)
    return found[1]


def _pull_blob(there: Source, blob: Descriptor, folder: Path, where: str, count: Callable[[int], None]) -> None:
    try:
        come = there.pull_file(blob, folder / blob.sha256, count)
    except OSError as error:
        raise ImageError(
            f"images can't be kept in {folder.parent}: {error.strerror}",
            hint="make room, or let PINLITE_CACHE name another place",
        ) from error
    if not come:
        raise RegistryError(f"{where} lacks a part of an image: {blob.digest}", hint="push the images again")


def _check_room(folder: Path, size: int) -> None:
    free = folders.free(folder)
    if free < size:
        raise ImageError(
            f"the disk has no room for images on their way: {bytes_(size)} come to {folder.parent}, where "
            f"{bytes_(free)} are free",
            hint="make room, or let PINLITE_CACHE name another place",
        )


def _counted(images: Sequence[Image]) -> str:
    return f"the {images[0].name} image" if len(images) == 1 else f"{len(images)} images"
