"""An OCI image layout in a tar file: what a repository has, for machines without a network.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md. The tar is not packed, for its blobs are.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from pinlite import digest as digests
from pinlite.errors import RegistryError, UsageError
from pinlite.registry.manifest import EMPTY, INDEX, MANIFEST, Descriptor, Manifest

_LAYOUT, _INDEX = "oci-layout", "index.json"
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'
_TAG = "org.opencontainers.image.ref.name"
# In bytes, of what is read at once: a list, a manifest.
_LARGEST = 16 * 2**20
_CHUNK = 2**20
_DAMAGED = "it is damaged, or was changed: nothing of it is used; save it again"


class LayoutReader:
    """The repository in a file. What is in it is held to its digest, as what comes from a registry is."""

    def __init__(self, path: Path) -> None:
        """Raises a UsageError where the file can't be read, or is no OCI layout."""
        self.path = path
        try:
            with tarfile.open(path, mode="r:") as tar:
                self._members = {member.name: member for member in tar if member.isreg()}
            self._entries = self._listed()
        except OSError as error:
            raise UsageError(f"{path} can't be read: {error.strerror}", hint="check the path") from error
        except (tarfile.TarError, EOFError, ValidationError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path} is no file of images: {error}", hint="give what `pinlite images save` wrote, all of it"
            ) from None

    def tags(self) -> Iterator[str]:
        return (each.annotations[_TAG] for each in self._entries if _TAG in each.annotations)

    def manifest(self, name: str) -> tuple[Descriptor, bytes] | None:
        """As `pinlite.registry.repository.Repository.manifest`."""
        found = [each for each in self._entries if name in (each.digest, each.annotations.get(_TAG))]
        if not found:
            return None
        data = self.pull(found[0])
        if data is None:
            raise RegistryError(f"{self.path} lacks what it lists as {name}", hint=_DAMAGED)
        return Descriptor.of(data, found[0].media_type), data

    def artifact(self, name: str) -> tuple[Descriptor, Manifest] | None:
        found = self.manifest(name)
        return found and (found[0], Manifest.read(found[1], f"{self.path}, {name},"))

    def pull(self, blob: Descriptor) -> bytes | None:
        stream = io.BytesIO()
        if blob.size > _LARGEST:
            raise RegistryError(f"{blob.digest} in {self.path} is too large for what it is", hint=_DAMAGED)
        return stream.getvalue() if self._pull(blob, stream, None) else None

    def pull_file(self, blob: Descriptor, to: Path, count: Callable[[int], None]) -> bool:
        try:
            with to.open("xb") as stream:
                come = self._pull(blob, stream, count)
        except BaseException:
            to.unlink(missing_ok=True)
            raise
        if not come:
            to.unlink()
        return come

    def _listed(self) -> list[Descriptor]:
        member = self._members[_INDEX]
        if member.size > _LARGEST:
            raise ValueError("its list is too large")
        with self.path.open("rb") as file:
            file.seek(member.offset_data)
            listed = json.loads(file.read(member.size))
        return [Descriptor.model_validate(each) for each in listed["manifests"]]

    def _pull(self, blob: Descriptor, stream: BinaryIO, count: Callable[[int], None] | None) -> bool:
        member = self._members.get(_place(blob))
        if member is None:
            return False
        known, read = hashlib.sha256(), 0
        # Several threads read at a time, each at a place of its own.
        with self.path.open("rb") as file:
            file.seek(member.offset_data)
            while read < member.size and (part := file.read(min(_CHUNK, member.size - read))):
                stream.write(part)
                known.update(part)
                read += len(part)
                if count:
                    count(len(part))
        if read != blob.size or known.hexdigest() != blob.sha256:
            raise RegistryError(f"{blob.digest} in {self.path} is something else", hint=_DAMAGED)
        return True


class LayoutWriter:
    """Writes a repository into a stream; `finish` makes a layout of it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._tar = tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)
        self._entries: dict[str, Descriptor] = {}
        self._written = set[str]()
        self._add(_LAYOUT, _VERSION)

    def push(self, content: bytes | Path, blob: Descriptor, count: Callable[[int], None]) -> None:
        """One thread at a time."""
        if blob.digest not in self._written:
            self._written.add(blob.digest)
            self._add(_place(blob), content)
        count(blob.size)

    def push_manifest(self, data: bytes, tag: str = "", media_type: str = MANIFEST) -> Descriptor:
        pushed = Descriptor.of(data, media_type, {_TAG: tag} if tag else {})
        self.push(data, pushed, lambda _: None)
        self._entries[tag or pushed.digest] = pushed
        return pushed

    def push_artifact(self, manifest: Manifest, tag: str = "") -> Descriptor:
        if manifest.config == EMPTY:
            self.push(b"{}", EMPTY, lambda _: None)
        return self.push_manifest(manifest.as_bytes(), tag)

    def finish(self) -> None:
        entries = [each.model_dump(by_alias=True, exclude_defaults=True) for _, each in sorted(self._entries.items())]
        self._add(_INDEX, digests.canonical_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
        self._tar.close()

    def _add(self, name: str, content: bytes | Path) -> None:
        # Without a time or an owner: what is saved twice is the same.
        member = tarfile.TarInfo(name)
        member.mode = 0o644
        if isinstance(content, Path):
            member.size = content.stat().st_size
            with content.open("rb") as file:
                self._tar.addfile(member, file)
        else:
            member.size = len(content)
            self._tar.addfile(member, io.BytesIO(content))


def _place(blob: Descriptor) -> str:
    return f"blobs/sha256/{blob.sha256}"
