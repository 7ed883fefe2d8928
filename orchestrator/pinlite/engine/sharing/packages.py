"""The packages of locks on their way: for the environments of the venv engine, and for images that are built.

A lock names its files by their hashes. So nothing of them has to be believed: the lock goes along, its key says that it
is the one, and a file that it does not name is not kept.
"""

import functools
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename

from pinlite import digest
from pinlite.engine.sharing.index import Entry
from pinlite.engine.sharing.repository import Destination, Source
from pinlite.engine.sharing.transfers import Transfers, scratch
from pinlite.engine.wheels import Distribution, Pins, WheelCache
from pinlite.errors import RegistryError
from pinlite.events import Observer
from pinlite.registry import Descriptor, Manifest
from pinlite.toolchain import ImageRecipe, bases

LOCK = "application/vnd.pinlite.lock.v1+json"
TITLE = "org.opencontainers.image.title"
_PACKAGE, _VERSION = "pinlite.package", "pinlite.version"
_AT_ONCE = 4
_SHORT = 16
_LIES = "whoever serves it serves something else than what the lock names: nothing of it is used"


def pins(recipes: Iterable[ImageRecipe]) -> list[Pins]:
    """The locks of recipes and of what they add to, and of bases where something is built of its source; each once."""
    found: dict[str, Pins] = {}
    for each in (each for recipe in recipes for each in recipe.lineage):
        known = [Pins.of(each)]
        if each.builds:
            known.append(Pins(each.base.name, each.base.lock, each.base))
        found |= {lock.key: lock for lock in known}
    return [*found.values()]


def push(locks: Sequence[Pins], there: Destination, known: Collection[str], observe: Observer) -> list[Entry]:
    """Have the files of locks there, but those of locks whose keys are ``known`` to be: what to sign of them. What is
    not in the cache is fetched first.

    Raises:
        ImageError: A file can't be fetched.
        RegistryError: The registry does not take one.
    """
    left = [each for each in locks if each.key not in known]
    if not left:
        return []
    cache = WheelCache()
    with cache.using():
        files = {each.key: _here(cache, each, observe) for each in left}
        blobs = {file.sha256: _described(file) for those in files.values() for file in those}
        paths = {file.sha256: cache.path(file) for those in files.values() for file in those}
        what, total = f"pushing {len(blobs)} packages", sum(blob.size for blob in blobs.values())
        with Transfers(what, total, observe, 1) as moving:
            moving.run([functools.partial(_push_file, there, paths[sha256], blob) for sha256, blob in blobs.items()])
            entries = [_push_lock(there, each, files[each.key]) for each in left]
            moving.finish(f"pushed {len(blobs)} packages")
    return entries


def pull(entries: Sequence[Entry], there: Source, where: str, observe: Observer) -> list[Entry]:
    """Have the files of locks in the cache: the locks of which some were missing.

    Raises:
        RegistryError: One does not come, or is not what its lock names.
    """
    cache = WheelCache()
    with cache.using():
        found = [_listed(there, entry, where) for entry in entries]
        come = [entry for entry, (_, files) in zip(entries, found, strict=True) if cache.missing(files)]
        missing = cache.missing(file for _, files in found for file in files)
        if missing:
            what, total = f"pulling {len(missing)} packages", sum(each.size or 0 for each in missing)
            with scratch() as folder, Transfers(what, total, observe, _AT_ONCE) as moving:
                moving.run([functools.partial(_pull_file, there, cache, file, folder, where) for file in missing])
                moving.finish(f"pulled {len(missing)} packages from {where}")
        for lock, files in found:
            cache.remember(lock, files)
    return come


def _here(cache: WheelCache, lock: Pins, observe: Observer) -> list[Distribution]:
    """The files of a lock, once they are in the cache."""
    files = cache.listed(lock, {}, observe)
    come = cache.fetch(cache.missing(files), observe)
    found = [come.get(file.sha256, file) for file in files]
    cache.remember(lock, found)
    return found


def _described(file: Distribution) -> Descriptor:
    assert file.size is not None, "it is here"
    annotations = {TITLE: file.filename, _PACKAGE: file.package, _VERSION: file.version}
    return Descriptor(
        media_type="application/octet-stream", digest=f"sha256:{file.sha256}", size=file.size, annotations=annotations
    )


def _push_file(there: Destination, path: Path, blob: Descriptor, count: Callable[[int], None]) -> None:
    there.push(path, blob, count)


def _push_lock(there: Destination, lock: Pins, files: Sequence[Distribution]) -> Entry:
    beside = {"npm": lock.npm.decode()} if lock.npm else {}
    said = digest.canonical_json(
        {"name": lock.name, "base": lock.base.name, "lock": lock.lock.decode(), "sources": lock.sources, **beside}
    )
    config = Descriptor.of(said, LOCK)
    there.push(said, config, lambda _: None)
    layers = tuple(map(_described, files))
    pushed = there.push_manifest(Manifest(config=config, layers=layers).as_bytes(), f"packages-{lock.key[:_SHORT]}")
    return Entry(of=lock.key, name=lock.name, digest=pushed.digest, size=sum(layer.size for layer in layers))


def _listed(there: Source, entry: Entry, where: str) -> tuple[Pins, list[Distribution]]:
    """A lock and its files, which it allows."""
    found = there.artifact(entry.digest)
    said = found and there.pull(found[1].config)
    if not found or not said:
        raise RegistryError(f"{where} does not have the packages of {entry.name} any more", hint="push them again")
    try:
        read = json.loads(said)
        lock = Pins(
            read["name"],
            read["lock"].encode(),
            bases.load()[read["base"]],
            tuple(read["sources"]),
            npm=read.get("npm", "").encode(),
        )
        files = [_file(layer) for layer in found[1].layers]
        is_it = lock.key == entry.of and all(map(lock.allows, files)) and all(map(_is_named, files))
    except (ValueError, KeyError, TypeError, AttributeError):
        is_it = False
    if not is_it:
        raise RegistryError(f"what {where} has as the packages of {entry.name} is something else", hint=_LIES)
    return lock, files


def _file(layer: Descriptor) -> Distribution:
    said = layer.annotations
    return Distribution(
        package=said[_PACKAGE],
        version=said[_VERSION],
        filename=said[TITLE],
        sha256=layer.sha256,
        size=layer.size,
    )


def _is_named(file: Distribution) -> bool:
    """Whether the file is called as one of its package is."""
    if file.is_npm:
        return True  # as the lock has seen
    parse = parse_sdist_filename if file.is_source else parse_wheel_filename
    return parse(file.filename)[0] == file.package


def _pull_file(
    there: Source, cache: WheelCache, file: Distribution, folder: Path, where: str, count: Callable[[int], None]
) -> None:
    path = folder / file.sha256
    if not there.pull_file(_described(file), path, count):
        raise RegistryError(f"{where} lacks {file.filename}", hint="push the packages again")
    path.chmod(0o644)
    path.replace(cache.place(file))
