"""Images and packages on their way to other machines."""

import functools
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from pinlite.engine.protocol import Carrier, Image
from pinlite.engine.sharing.index import Entry, Index
from pinlite.engine.sharing.repository import Destination, Source
from pinlite.engine.sharing.transfers import Transfers, scratch
from pinlite.events import Observer, TransferFinished, TransferStarted
from pinlite.registry import Descriptor
from pinlite.toolchain import ImageRecipe

_SHORT = 16


def here(carrier: Carrier, recipes: Iterable[ImageRecipe]) -> list[Image]:
    """The images of recipes that are here, with those that they add to, and the bases that they stand on and that
    travel: each once, what others stand on first.
    """
    bases, images = dict[str, Image](), dict[str, Image]()
    for each in (each for recipe in recipes for each in recipe.lineage):
        for identity, image in carrier.possible(each).items():
            if carrier.has(image):
                images[image.reference] = image
                base = carrier.base(each.base, identity)
                if base and carrier.has(base):
                    bases[base.reference] = base
    return [*bases.values(), *images.values()]


def kept(there: Source, index: Index) -> Index:
    """The entries of an index whose manifests are still there."""
    has = functools.partial(_has, there)
    return Index(images=tuple(filter(has, index.images)), packages=tuple(filter(has, index.packages)))


def push_images(
    carrier: Carrier, images: Sequence[Image], there: Destination, known: Collection[str], observe: Observer
) -> list[Entry]:
    """Have images there, but those whose identities are ``known`` to be: what to sign of them.

    Raises:
        ImageError: The engine does not give one.
        RegistryError: The registry does not take one.
    """
    entries = []
    gone = set[str]()
    for image in images:
        if image.identity not in known:
            with scratch() as folder:
                entries.append(_push(carrier, image, there, folder, gone, observe))
    return entries


def _push(carrier: Carrier, image: Image, there: Destination, folder: Path, gone: set[str], observe: Observer) -> Entry:
    what, started, manifest = f"packing the {image.name} image", time.monotonic(), None
    observe(TransferStarted(what))
    try:
        manifest = carrier.pack(image, folder)
    finally:
        blobs = [manifest.config, *manifest.layers] if manifest else []
        size = sum(blob.size for blob in blobs)
        done = f"packed the {image.name} image" if manifest else ""
        observe(TransferFinished(what, done, size, time.monotonic() - started))
    left = {blob.digest: blob for blob in blobs if blob.digest not in gone}
    what, total = f"pushing the {image.name} image", sum(blob.size for blob in left.values())
    with Transfers(what, total, observe, 1) as moving:
        moving.run([functools.partial(_push_blob, there, folder / blob.sha256, blob) for blob in left.values()])
        gone.update(left)
        tag = f"{image.name}-{image.identity.removeprefix('sha256:')[:_SHORT]}"
        pushed = there.push_manifest(manifest.as_bytes(), tag)
        moving.finish(f"pushed the {image.name} image")
    return Entry(of=image.identity, name=image.name, digest=pushed.digest, size=size)


def _push_blob(there: Destination, path: Path, blob: Descriptor, count: Callable[[int], None]) -> None:
    there.push(path, blob, count)


def _has(there: Source, entry: Entry) -> bool:
    return there.manifest(entry.digest) is not None
