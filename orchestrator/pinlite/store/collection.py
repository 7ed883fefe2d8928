"""The store's records: listing them, finding damage, and removing some."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinlite.errors import UsageError
from pinlite.machine import guards
from pinlite.store.files import KINDS, Damaged, Kind, Store

_DAY = 24 * 3600


@dataclass(frozen=True)
class Entry:
    """A record: of an action or a command. ``size`` is of what it names, in bytes; ``used`` in seconds since 1970."""

    kind: Kind
    key: str
    name: str
    made: tuple[str, ...]
    size: int
    used: float


@dataclass(frozen=True)
class Freed:
    """What was removed: records, files, and their bytes."""

    records: int
    files: int
    size: int


def entries(store: Store) -> list[Entry]:
    """All records, those used last first. Records that say nothing are left out."""
    found = [entry for kind, key in keys(store) if (entry := _entry(store, kind, key))]
    return sorted(found, key=lambda entry: (-entry.used, entry.key))


def find(store: Store, beginning: str) -> tuple[Kind, str]:
    """The record whose key begins so; a UsageError unless there is exactly one."""
    found = [(kind, key) for kind, key in keys(store) if key.startswith(beginning)]
    if len(found) != 1:
        raise UsageError(
            f"{'no record has' if not found else f'{len(found)} records have'} a key that begins with {beginning!r}",
            hint="pinlite cache ls lists the keys",
        )
    return found[0]


def size(store: Store) -> int:
    """Of all files, in bytes."""
    return sum(path.stat().st_size for path in _files(store))


def damaged(store: Store, told: Callable[[float], None] = lambda _: None) -> list[str]:
    """Hash all files; drop those that are not what their names say, and the records that need them. ``told`` is called
    with the share of the bytes that are hashed.

    Returns:
        What was dropped, by path below the store.
    """
    dropped = []
    with store.collecting():
        sizes = {path: path.stat().st_size for path in _files(store)}
        done, total = 0, sum(sizes.values()) or 1
        for path, size_ in sizes.items():
            told(done / total)
            done += size_
            try:
                store.check(path.name)
            except Damaged:
                path.unlink(missing_ok=True)
                dropped.append(path)
        for kind, key in keys(store):
            if _needed(store, kind, key) is None:
                dropped.append(store.record(kind, key))
                store.drop(kind, key)
    return sorted(path.relative_to(store.root).as_posix() for path in dropped)


def collect(store: Store, *, keep_days: float, max_size: int) -> Freed:
    """Drop records that nobody has used for so many days, and those used before the ones that fit into ``max_size``
    bytes; then all files that no record names.
    """
    before, oldest = size(store), time.time() - keep_days * _DAY
    kept: dict[str, int] = {}
    dropped = files = 0
    with store.collecting():
        full, total = False, 0
        for entry in entries(store):
            needed = _needed(store, entry.kind, entry.key) or {}
            more = sum(bytes_ for sha256, bytes_ in needed.items() if sha256 not in kept)
            full = full or total + more > max_size
            if full or entry.used < oldest:
                store.drop(entry.kind, entry.key)
                dropped += 1
            else:
                kept |= needed
                total += more
        for path in _files(store):
            if path.name not in kept:
                path.unlink()
                files += 1
        _drop_unfinished(store)
    return Freed(dropped, files, before - size(store))


def unfinished(store: Store) -> list[Path]:
    """Remove what killed runs have left: files that are not whole, and locks that nobody holds. What was removed."""
    with store.collecting():
        return _drop_unfinished(store)


def clear(store: Store) -> None:
    """Remove the store, and those of older schemas beside it."""
    with store.collecting():
        for kind, key in list(keys(store)):
            store.drop(kind, key)
    shutil.rmtree(store.root.parent, ignore_errors=True)


def _drop_unfinished(store: Store) -> list[Path]:
    """While nobody commits, what is not whole was left by who was killed."""
    dropped = sorted((store.root / "making").glob("*"))
    shutil.rmtree(store.root / "making", ignore_errors=True)
    for path in sorted(store.lock("*").parent.glob("*.lock")):
        if guards.remove(path):
            dropped.append(path)
    return dropped


def keys(store: Store) -> Iterator[tuple[Kind, str]]:
    for kind in KINDS:
        for path in sorted((store.root / kind).glob("*/*.json")):
            yield kind, path.stem


def _files(store: Store) -> list[Path]:
    return sorted((store.root / "blobs").glob("*/*"))


def _outputs(record: Any) -> list[tuple[str, str, bool]] | None:
    """Name, digest, and whether it is a folder, of all that a record names; None for what is no record."""
    try:
        if "files" in record:
            found = [(name, sha256, folder) for name, (folder, sha256) in record["files"].items()]
        else:
            found = [(made["name"], made["sha256"], made["folder"]) for made in record["outputs"].values()]
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
    return found if all(isinstance(text, str) for name, sha256, _ in found for text in (name, sha256)) else None


def _needed(store: Store, kind: Kind, key: str) -> dict[str, int] | None:
    """The digests of all files that a record needs, and their sizes in bytes; None where one of them is lost."""
    outputs = _outputs(store.read(kind, key))
    if outputs is None:
        return None
    needed: dict[str, int] = {}
    try:
        for _, sha256, folder in outputs:
            for each in (sha256, *(store.listing(sha256).values() if folder else ())):
                needed[each] = store.blob(each).stat().st_size
    except (Damaged, OSError):
        return None
    return needed


def _entry(store: Store, kind: Kind, key: str) -> Entry | None:
    record = store.read(kind, key)
    outputs = _outputs(record)
    if outputs is None:
        return None
    return Entry(
        kind=kind,
        key=key,
        name=str(record.get("stage")) if kind == "actions" else "pinlite convert",
        made=tuple(name for name, _, _ in outputs),
        size=sum((_needed(store, kind, key) or {}).values()),
        used=store.record(kind, key).stat().st_mtime,
    )
