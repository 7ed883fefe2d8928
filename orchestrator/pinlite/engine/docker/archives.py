"""Files and folders as the tar streams that docker takes and gives: they pass through, and are never held in memory."""

import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from pinlite.engine import written
from pinlite.engine.written import Excess

_CHUNK = 1024 * 1024
END = bytes(2 * tarfile.BLOCKSIZE)


class Strange(Exception):  # noqa: N818  # what a worker made is not what a stage makes
    """There is something else than files and folders, or no tar stream of them; the message says what."""


def packed(paths: Iterable[tuple[str, Path]], user: tuple[int, int]) -> Iterator[bytes]:
    """A tar stream of files and folders under other names, with the folders above them; all of them the user's, by
    the numbers of a user and a group. Raises OSError.
    """
    known = set[str]()
    for name, path in paths:
        for above in reversed(PurePosixPath(name).parents):
            if above.name and str(above) not in known:
                known.add(str(above))
                yield folder(str(above), 0o755, user)
        for each in [path, *sorted(path.rglob("*"))]:
            below = each.relative_to(path)
            inside = str(PurePosixPath(name, below))
            if each.is_dir():
                yield folder(inside, 0o755, user)
            else:
                yield from _file(inside, each, user)
    yield END


def folder(name: str, mode: int, user: tuple[int, int]) -> bytes:
    """An entry of a stream, which `END` ends."""
    entry = _entry(name, user)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    return entry.tobuf(tarfile.PAX_FORMAT)


def _file(name: str, path: Path, user: tuple[int, int]) -> Iterator[bytes]:
    entry = _entry(name, user)
    with path.open("rb") as stream:
        entry.mode, entry.size = 0o644, os.fstat(stream.fileno()).st_size
        yield entry.tobuf(tarfile.PAX_FORMAT)
        left = entry.size
        while left:
            data = stream.read(min(left, _CHUNK))
            if not data:
                raise OSError(f"{path} became shorter while it was read")
            left -= len(data)
            yield data
    yield bytes(-entry.size % tarfile.BLOCKSIZE)


def _entry(name: str, user: tuple[int, int]) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.uid, entry.gid = user
    return entry


def unpack(stream: Iterable[bytes], place: Path, limit: int) -> Excess | None:
    """Write what a worker has made into a folder that is this process's alone, until it is too much: more than
    ``limit`` bytes, or what `pinlite.engine.written` says that no stage has a use for. Neither the worker nor the
    engine is trusted: nothing is written elsewhere, and no link is followed.

    Raises:
        Strange: It has something that is neither a file nor a folder, or is no tar stream.
        OSError: It can't be written here; or, as the engine's client has it, can't be read there.
    """
    size = 0
    files = set[str]()
    try:
        # It asks for nothing but reads, whatever the types want.
        with tarfile.open(fileobj=cast("BinaryIO", _Reader(stream)), mode="r|", bufsize=_CHUNK) as tar:
            for number, entry in enumerate(tar):
                size += entry.size
                if excess := _beyond(entry, number, size, limit):
                    return excess
                _write(tar, entry, place, files)
    except tarfile.TarError as error:
        raise Strange(f"its outputs do not come as a tar stream: {error}") from error
    return None


def _beyond(entry: tarfile.TarInfo, number: int, size: int, limit: int) -> Excess | None:
    if number > written.MOST_FILES:
        return written.strange(f"more than {written.MOST_FILES} files")
    if len(PurePosixPath(entry.name).parts) - (not entry.isdir()) > written.DEEPEST:
        return written.strange(f"folders more than {written.DEEPEST} deep")
    return written.too_large(limit) if size >= limit else None


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, place: Path, files: set[str]) -> None:
    name = PurePosixPath(entry.name)
    if name.is_absolute() or ".." in name.parts or "\0" in entry.name:
        raise Strange(f"an output has the strange name {entry.name!r}")
    path = place / name
    if entry.isdir():
        path.mkdir(exist_ok=True)
    elif entry.isreg():
        data = tar.extractfile(entry)
        assert data, "it is a file"
        with data, path.open("xb") as stream:
            shutil.copyfileobj(data, stream, _CHUNK)
        files.add(str(name))
    elif entry.islnk() and entry.linkname in files:
        # A file that has two names.
        os.link(place / entry.linkname, path)
    else:
        raise Strange(f"its output {name.name!r} is neither a file nor a folder")


class _Reader:
    """What comes in chunks, to be read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def read(self, size: int) -> bytes:
        """At most so many bytes, and none at the end."""
        if not self._left:
            self._left = next(self._chunks, b"")
        data, self._left = self._left[:size], self._left[size:]
        return data
