"""Images and packages between this machine and a registry, or a file. Importing this imports requests and
cryptography.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite.engine.protocol import Engine, Image
from pinlite.engine.sharing import index, packages, pulling, pushing
from pinlite.engine.sharing.index import Believed, Entry, Index
from pinlite.engine.sharing.shared import SharedImages
from pinlite.errors import ImageError, RegistryError, TamperedError
from pinlite.events import Notice, Observer
from pinlite.machine import temporary
from pinlite.registry import EMPTY, Reference
from pinlite.registry.layout import LayoutReader, LayoutWriter
from pinlite.registry.repository import Repository
from pinlite.registry.session import Patience
from pinlite.toolchain import ImageRecipe
from pinlite.trust.keys import TrustedKeys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Of a conversion that could build them instead: a gigabyte in three hours is too slow.
_PATIENCE = Patience(pace=100_000)
_ATTEMPTS = 3


@dataclass(frozen=True)
class Exchanged:
    """What has gone or come: images and locks by their names, and what was there already."""

    images: tuple[Entry, ...]
    packages: tuple[Entry, ...]
    there: tuple[str, ...] = ()


def push(
    engine: Engine, recipes: Sequence[ImageRecipe], to: Reference, key: "Ed25519PrivateKey", observe: Observer
) -> Exchanged:
    """Have the images of recipes in a repository; of an engine whose images don't travel, their packages.

    Raises:
        RegistryError: The registry does not take them.
        ImageError: One can't be had of the engine, or a package can't be fetched.
    """
    there, where = Repository(to), str(to)
    known = pushing.kept(there, _own(there, key, where, observe))
    # Whether anything may be written is better known before gigabytes are packed.
    there.push(b"{}", EMPTY)
    if engine.carrier:
        images = pushing.here(engine.carrier, recipes)
        names = {image.identity: image.name for image in images}
        done = pushing.push_images(engine.carrier, images, there, _of(known.images), observe)
        made = Exchanged(tuple(done), (), _others(names, done))
    else:
        locks = packages.pins(recipes)
        done = packages.push(locks, there, _of(known.packages), observe)
        made = Exchanged((), tuple(done), _others({each.key: each.name for each in locks}, done))
    if done:
        _sign(there, key, made, where, observe)
    return made


def pull(engine: Engine, recipes: Sequence[ImageRecipe], shared: SharedImages, observe: Observer) -> list[str]:
    """Have the images of recipes here, or their packages, as far as trusted keys have signed them: the names of the
    others.

    Raises:
        RegistryError: The registry is away, or serves something else than what was signed.
        TamperedError: No trusted key has signed anything there.
        ImageError: The engine does not take one, or the disk has no room.
    """
    there, where = Repository(shared.reference, _PATIENCE), str(shared.reference)
    believed = index.believed(there, TrustedKeys.of(shared.keys), where)
    if engine.carrier:
        wanted = pulling.wanted(engine.carrier, recipes, believed.images)
        pulling.pull(engine.carrier, wanted.images, there, where, observe)
        return list(wanted.missing)
    locks = packages.pins(recipes)
    signed = [believed.packages[each.key] for each in locks if each.key in believed.packages]
    packages.pull(signed, there, where, observe)
    return sorted({each.name for each in locks if each.key not in believed.packages})


def save(
    engine: Engine,
    recipes: Sequence[ImageRecipe],
    to: Path,
    key: "Ed25519PrivateKey | None",
    observe: Observer,
    *,
    with_packages: bool = True,
) -> Exchanged:
    """Write images and packages into a new file, which is there only if all of it is.

    Raises:
        ImageError: One can't be had of the engine, or a package can't be fetched, or the file can't be written.
    """
    try:
        for left in temporary.leftovers(beside=to):
            shutil.rmtree(left)
        with temporary.folder(beside=to) as folder, Path(folder, to.name).open("wb") as stream:
            there = LayoutWriter(stream)
            images = pushing.here(engine.carrier, recipes) if engine.carrier else []
            done = pushing.push_images(engine.carrier, images, there, (), observe) if engine.carrier else []
            locks = packages.push(packages.pins(recipes), there, (), observe) if with_packages else []
            index.put(there, Index().with_(done, locks), key)
            there.finish()
            Path(folder, to.name).replace(to)
    except OSError as error:
        raise ImageError(
            f"{to} can't be written: {error.strerror}", hint="give a file on a disk that has room for it"
        ) from error
    return Exchanged(tuple(done), tuple(locks))


def load(engine: Engine, file: Path, trusted: TrustedKeys | None, observe: Observer) -> Exchanged:
    """Have here what `save` has written: images, where the engine takes them, and packages. Without ``trusted`` keys
    the file is believed as it is.

    Raises:
        UsageError: It is no such file.
        TamperedError: No trusted key has signed it.
        RegistryError: It is damaged.
        ImageError: The engine does not take an image, or the disk has no room.
    """
    there, where = LayoutReader(file), str(file)
    believed = index.believed(there, trusted, where) if trusted else index.unsigned(there, where)
    come, known = _images(engine, believed)
    if engine.carrier:
        pulling.pull(engine.carrier, come, there, where, observe)
    locks = packages.pull(list(believed.packages.values()), there, where, observe)
    return Exchanged(tuple(entry for _, entry in come), tuple(locks), tuple(known))


def _images(engine: Engine, believed: Believed) -> tuple[list[tuple[Image, Entry]], list[str]]:
    """The images to load, and the names of those that are here."""
    come, known = [], []
    for entry in believed.images.values() if engine.carrier else ():
        image = engine.carrier.named(entry.name, entry.of) if engine.carrier else None
        if engine.carrier and image:
            if engine.carrier.has(image):
                known.append(image.name)
            else:
                come.append((image, entry))
    return come, known


def _own(there: Repository, key: "Ed25519PrivateKey", where: str, observe: Observer) -> Index:
    """The key's index; a new one where somebody has put something else in its place."""
    try:
        return index.own(there, key, where)
    except TamperedError as error:
        observe(Notice(f"{error.message}; a new one takes its place"))
        return Index()


def _sign(there: Repository, key: "Ed25519PrivateKey", made: Exchanged, where: str, observe: Observer) -> None:
    """Add to the index; anew where another push by the same key has put one in its place meanwhile."""
    wanted = {(each.of, each.digest) for each in (*made.images, *made.packages)}
    for _ in range(_ATTEMPTS):
        index.put(there, _own(there, key, where, observe).with_(made.images, made.packages), key)
        now = index.own(there, key, where)
        if wanted <= {(each.of, each.digest) for each in (*now.images, *now.packages)}:
            return
    raise RegistryError(
        f"others push to {where} with the same key at the same time", hint="push again, or give each a key of its own"
    )


def _of(entries: Iterable[Entry]) -> set[str]:
    return {each.of for each in entries}


def _others(names: dict[str, str], done: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(name for of, name in names.items() if of not in _of(done))
