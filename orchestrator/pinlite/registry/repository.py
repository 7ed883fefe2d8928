"""One repository of a registry: blobs and manifests by digest, tags that name manifests.

Importing this imports oras, requests and docker.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

from oras.container import Container
from oras.utils import append_url_params

from pinlite import digest as digests
from pinlite.errors import RegistryError
from pinlite.registry.manifest import EMPTY, INDEX, MANIFEST, OCTETS, Descriptor, Manifest, is_digest
from pinlite.registry.reference import Reference
from pinlite.registry.session import Clock, Patience, Session

# In bytes: of a manifest, as registries limit it, and of a page of tags.
_LARGEST = 4 * 2**20
_DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
_ACCEPTED = f"{MANIFEST}, {INDEX}, {_DOCKER}"
_LIES = "it, or a proxy before it, serves something else: nothing of it is used"


def uncounted(_: int) -> None:
    """For those who do not want to know how many bytes have gone or come."""


class Repository:
    """Every method raises a RegistryError where the registry is away, slow, refuses, or lies. Threads may share it."""

    def __init__(self, reference: Reference, patience: Patience | None = None) -> None:
        """Docker's settings are read, and a host that may do without TLS is asked whether it has it; no other is yet.

        Raises:
            RegistryError: A certificate in docker's folder can't be read.
        """
        self.reference = reference.repository
        self.patience = patience or Patience()
        self._session = Session(reference, self.patience)
        self._there = Container(reference.name, registry=self._session.hostname)
        # Without oras' parsing, which takes a first part with a dot for a host.
        self._base = f"{self._session.prefix}://{self._session.hostname}/v2/{reference.name}"

    def has(self, blob: Descriptor) -> bool:
        """Whether the registry says that it has a blob."""
        with self._session.do_request(f"{self._base}/blobs/{blob.digest}", "HEAD") as response:
            if response.status_code == HTTPStatus.NOT_FOUND:
                return False
            self._session.check(response, f"tell of a blob in {self.reference.name}")
            return True

    def pull(self, blob: Descriptor) -> bytes | None:
        """A blob's bytes, for small ones; None where the registry does not have it."""
        stream = io.BytesIO()
        return stream.getvalue() if self._pull(blob, stream, uncounted) else None

    def pull_file(self, blob: Descriptor, to: Path, count: Callable[[int], None] = uncounted) -> bool:
        """Have a blob in a new file, which is there only if it has the blob's digest and size; False where the registry
        does not have it. ``count`` is told of bytes as they come, from the thread that calls this. OSError is raised
        where the file can't be written.
        """
        try:
            with to.open("xb") as stream:
                come = self._pull(blob, stream, count)
        except BaseException:
            to.unlink(missing_ok=True)
            raise
        if not come:
            to.unlink()
        return come

    def push(self, content: bytes | Path, blob: Descriptor, count: Callable[[int], None] = uncounted) -> None:
        """Have a blob there: bytes, or a file, of the descriptor's digest and size."""
        if self.has(blob):
            count(blob.size)
            return
        what = f"take a blob into {self.reference.name}"
        octets = {"Content-Type": OCTETS}
        with self._session.do_request(f"{self._base}/blobs/uploads/", "POST", headers=octets) as response:
            self._session.check(response, what)
            location = self._session._get_location(response, self._there)  # noqa: SLF001  # oras has it for us
        if not location:
            raise RegistryError(f"{self.reference.host} does not say where a blob goes to", hint=_LIES)
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as stream:
            body = _Body(stream, blob.size, Clock(self.patience, self.reference.host), count)
            url = append_url_params(location, {"digest": blob.digest})
            with self._session.do_request(url, "PUT", data=body, headers=octets) as response:
                self._session.check(response, what)

    def manifest(self, name: str) -> tuple[Descriptor, bytes] | None:
        """A manifest by its digest or tag, with its descriptor; None where there is none of that name.

        By a digest, it is what was asked for. What a tag leads to is whatever the registry says.
        """
        where = f"{self.reference.plain}{'@' if is_digest(name) else ':'}{name}"
        url = f"{self._base}/manifests/{name}"
        response = self._session.do_request(url, headers={"Accept": _ACCEPTED})
        if response.status_code == HTTPStatus.NOT_FOUND:
            response.close()
            return None
        data = self._session.read(self._session.check(response, f"serve {where}"), most=_LARGEST)
        kind = response.headers.get("Content-Type", MANIFEST).partition(";")[0]
        descriptor = Descriptor.of(data, kind)
        if is_digest(name) and descriptor.digest != name:
            raise RegistryError(f"what {self.reference.host} serves as {where} has another digest", hint=_LIES)
        return descriptor, data

    def artifact(self, name: str) -> tuple[Descriptor, Manifest] | None:
        """As `manifest`, read."""
        found = self.manifest(name)
        return found and (found[0], Manifest.read(found[1], f"{self.reference.plain} {name}"))

    def push_manifest(self, data: bytes, tag: str = "", media_type: str = MANIFEST) -> Descriptor:
        """Have a manifest there, by its digest and by a tag, which may have led to another one; what it refers to has
        to be there.
        """
        pushed = Descriptor.of(data, media_type)
        url = f"{self._base}/manifests/{tag or pushed.digest}"
        what = f"take {self.reference.plain}{f':{tag}' if tag else ''}"
        with self._session.do_request(url, "PUT", data=data, headers={"Content-Type": media_type}) as response:
            self._session.check(response, what)
        return pushed

    def push_artifact(self, manifest: Manifest, tag: str = "") -> Descriptor:
        """As `push_manifest`; it is listed among the referrers of its subject."""
        if manifest.config == EMPTY:
            self.push(b"{}", EMPTY)
        pushed = self.push_manifest(manifest.as_bytes(), tag, manifest.media_type)
        if manifest.subject:
            listed = pushed.model_copy(
                update={"artifact_type": manifest.artifact_type, "annotations": manifest.annotations}
            )
            self._refer(manifest.subject, listed)
        return pushed

    def referrers(self, subject: Descriptor) -> list[Descriptor]:
        """Manifests that say something about another one, by the registry's word; sorted by digest."""
        response = self._session.do_request(f"{self._base}/referrers/{subject.digest}", headers={"Accept": INDEX})
        if response.status_code == HTTPStatus.NOT_FOUND:
            response.close()
            return self._tagged_referrers(subject)
        data = self._session.read(self._session.check(response, "list referrers"), most=_LARGEST)
        return self._listed(data)

    def tags(self) -> Iterator[str]:
        """All of them, in the registry's order, a page at a time; none where the repository is not there."""
        url = f"{self._base}/tags/list"
        while url:
            response = self._session.do_request(url)
            if response.status_code == HTTPStatus.NOT_FOUND:
                response.close()
                return
            data = self._session.read(self._session.check(response, "list tags"), most=_LARGEST)
            try:
                yield from map(str, json.loads(data)["tags"] or ())
            except (ValueError, KeyError, TypeError):
                raise RegistryError(f"{self.reference.host} lists no tags", hint=_LIES) from None
            following = response.links.get("next", {}).get("url", "")
            url = following and urljoin(url, following)

    def _pull(self, blob: Descriptor, stream: BinaryIO, count: Callable[[int], None]) -> bool:
        response = self._session.do_request(f"{self._base}/blobs/{blob.digest}")
        if response.status_code == HTTPStatus.NOT_FOUND:
            response.close()
            return False
        known = hashlib.sha256()
        received = 0
        with self._session.check(response, f"serve a blob of {self.reference.name}") as response:
            for part in self._session.parts(response, most=blob.size):
                stream.write(part)
                known.update(part)
                received += len(part)
                count(len(part))
        if received < blob.size:
            raise RegistryError(
                f"{self.reference.host} sends {received} of a blob's {blob.size} bytes", hint=_LIES, may_pass=True
            )
        if known.hexdigest() != blob.sha256:
            raise RegistryError(f"what {self.reference.host} serves as {blob.digest} has another digest", hint=_LIES)
        return True

    def _refer(self, subject: Descriptor, to: Descriptor) -> None:
        """Where the registry keeps no list itself: a tag, as the distribution spec has it for such registries."""
        url = f"{self._base}/referrers/{subject.digest}"
        with self._session.do_request(url, headers={"Accept": INDEX}) as response:
            if response.status_code == HTTPStatus.OK:
                return
        known = {each.digest: each for each in self._tagged_referrers(subject)} | {to.digest: to}
        entries = [_entry(known[each]) for each in sorted(known)]
        index = digests.canonical_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
        self.push_manifest(index, _referring(subject), INDEX)

    def _tagged_referrers(self, subject: Descriptor) -> list[Descriptor]:
        found = self.manifest(_referring(subject))
        return self._listed(found[1]) if found else []

    def _listed(self, data: bytes) -> list[Descriptor]:
        try:
            entries = [Descriptor.model_validate(each) for each in json.loads(data)["manifests"]]
        except (ValueError, KeyError, TypeError):
            raise RegistryError(f"{self.reference.host} lists no referrers", hint=_LIES) from None
        return sorted(entries, key=lambda each: each.digest)


class _Body:
    """What is sent, of a known length, with an eye on the time."""

    def __init__(self, stream: BinaryIO, size: int, clock: Clock, count: Callable[[int], None]) -> None:
        self._stream, self._size, self._clock, self._count = stream, size, clock, count
        self._sent = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        self._clock.check(self._sent)
        part = self._stream.read(size)
        self._sent += len(part)
        self._count(len(part))
        return part

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        self._count(-self._sent)
        self._sent = 0
        return self._stream.seek(offset, whence)


def _referring(subject: Descriptor) -> str:
    return subject.digest.replace(":", "-")


def _entry(descriptor: Descriptor) -> dict[str, object]:
    found = descriptor.model_dump(by_alias=True)
    return {key: value for key, value in found.items() if value not in ("", {})}
