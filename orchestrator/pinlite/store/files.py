"""The store's files: written completely or not at all, and hashed whenever they are taken."""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pinlite import digest
from pinlite.digest import HashedPath
from pinlite.machine import folders, guards, writing

# Another number is another store: what an older pinlite kept is left alone until `pinlite cache clear`.
SCHEMA = 2

_SHA256 = re.compile("[0-9a-f]{64}")

Kind = Literal["actions", "runs"]
KINDS: tuple[Kind, ...] = ("actions", "runs")


class Damaged(Exception):  # noqa: N818  # no error: what is damaged is made again
    """A file of the store is missing, or was not what its name says and has been dropped."""


class Store:
    """Any number of processes share one. It makes its folders when it first writes."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or folders.cache() / "store" / str(SCHEMA)

    def blob(self, sha256: str) -> Path:
        """Where a file is; Damaged for what is no digest, but might lead elsewhere."""
        if not _SHA256.fullmatch(sha256):
            raise Damaged(sha256)
        return self.root / "blobs" / sha256[:2] / sha256

    def record(self, kind: Kind, key: str) -> Path:
        return self.root / kind / key[:2] / f"{key}.json"

    def lock(self, key: str) -> Path:
        """The file that who makes an action holds locked."""
        return self.root / "locks" / f"{key}.lock"

    def put(self, path: Path, known: HashedPath | None = None) -> str:
        """Keep a file or a folder, within `committing`; its digest, which is read off its content unless it is
        ``known`` and unchanged.
        """
        hashed = known if known and known.is_unchanged else None
        if not path.is_dir():
            return self._put_file(path, hashed.sha256 if hashed else "")
        files = (hashed and hashed.files) or dict.fromkeys(digest.names_below(path), "")
        listing = {name: self._put_file(path / name, sha256) for name, sha256 in files.items()}
        return self._put_listing(digest.canonical_json(listing))

    def has(self, sha256: str, *, folder: bool) -> bool:
        """Whether there is a file, or a folder with all of it. What it holds is looked at when it is taken."""
        try:
            return self.blob(sha256).is_file() and (
                not folder or all(self.blob(file).is_file() for file in self.listing(sha256).values())
            )
        except Damaged:
            return False

    def take(self, sha256: str, target: Path, *, folder: bool, linked: bool) -> None:
        """Lay a file or a folder at ``target``, where nothing is yet.

        What is ``linked`` is a second name of what is kept, where that can be: no collector takes it away, and nobody
        may write to it.

        Raises:
            Damaged: It is not there, or not what it was; what is at the target then is not to be used.
        """
        if not folder:
            self._take_file(sha256, target, linked=linked)
            return
        target.mkdir(parents=True)
        for name, file in self.listing(sha256).items():
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            self._take_file(file, place, linked=linked)

    def listing(self, sha256: str) -> dict[str, str]:
        """The digests of a folder's files, by their path in it; Damaged as `take`."""
        self.check(sha256)
        listing: dict[str, str] = json.loads(self.blob(sha256).read_bytes())
        return listing

    def check(self, sha256: str) -> None:
        """Damaged, unless the file is there and what its name says."""
        if not self._is_whole(sha256):
            with contextlib.suppress(OSError):
                self.blob(sha256).unlink()
            raise Damaged(sha256)

    def read(self, kind: Kind, key: str) -> Any:
        """The JSON of a record; None where there is none. One that is no JSON is dropped."""
        try:
            return json.loads(self.record(kind, key).read_bytes())
        except OSError:
            return None
        except (ValueError, RecursionError):
            self.drop(kind, key)
            return None

    def write(self, kind: Kind, key: str, record: Any) -> None:
        """Keep a record, within `committing` and after all that it names; an earlier one is replaced."""
        self._write(json.dumps(record, sort_keys=True, indent=1).encode(), self.record(kind, key))

    def drop(self, kind: Kind, key: str) -> None:
        with contextlib.suppress(OSError):
            self.record(kind, key).unlink()

    def note_use(self, kind: Kind, key: str) -> None:
        """What has not been used for the longest time is collected first."""
        with contextlib.suppress(OSError):
            os.utime(self.record(kind, key))

    @contextlib.contextmanager
    def committing(self) -> Iterator[None]:
        """Keep collectors away while there are files that no record names yet."""
        with self._guarded(shared=True):
            yield

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Wait until nobody commits, and keep others from it."""
        with self._guarded(shared=False):
            yield

    @contextlib.contextmanager
    def _guarded(self, *, shared: bool) -> Iterator[None]:
        with guards.held(self.root / "guard", shared=shared):
            yield

    def _is_whole(self, sha256: str) -> bool:
        try:
            return digest.of_file(self.blob(sha256)) == sha256
        except OSError:
            return False

    def _put_file(self, path: Path, known: str = "") -> str:
        sha256 = known or digest.of_file(path)
        if not self._is_whole(sha256):
            with self._making() as made:
                shutil.copyfile(path, made)
                _settle(made, self.blob(sha256))
        return sha256

    def _put_listing(self, data: bytes) -> str:
        sha256 = digest.of_bytes(data)
        if not self._is_whole(sha256):
            self._write(data, self.blob(sha256))
        return sha256

    def _write(self, data: bytes, target: Path) -> None:
        with self._making() as made:
            made.write_bytes(data)
            _settle(made, target)

    def _take_file(self, sha256: str, target: Path, *, linked: bool) -> None:
        blob = self.blob(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if linked:
                writing.link(blob, target)
            else:
                shutil.copyfile(blob, target)
        except FileNotFoundError:
            raise Damaged(sha256) from None
        if digest.of_file(target) != sha256:
            self.check(sha256)  # a copy may have gone wrong where the blob is good
            raise Damaged(sha256)

    @contextlib.contextmanager
    def _making(self) -> Iterator[Path]:
        folder = self.root / "making"
        folder.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=folder)
        os.close(number)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def _settle(made: Path, target: Path) -> None:
    """Bring a whole file to the disk, and then to its place."""
    with made.open("rb") as stream:
        os.fsync(stream.fileno())
    made.chmod(0o444)
    target.parent.mkdir(parents=True, exist_ok=True)
    made.replace(target)
