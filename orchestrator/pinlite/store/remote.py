"""Actions in a registry, behind the store of this machine: what other machines made, signed, and by content.

    action-KEY-WHO    a tag for each action and each key that signs; it leads to a manifest of the signed record and of
                      all files that the record names, so that no registry collects them while the record is there

What a stage measures has the key of the action on one kind of processor. A manifest is pushed after all that it names.
Importing this imports what asks registries and reads keys.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from pinlite import digest
from pinlite.errors import RegistryError
from pinlite.machine import processor
from pinlite.registry import OCTETS, Descriptor, Manifest, Reference
from pinlite.registry.repository import Repository, uncounted
from pinlite.registry.session import Patience
from pinlite.schema.frozen import Frozen
from pinlite.store.files import Damaged, Store
from pinlite.store.record import Record
from pinlite.trust import envelope
from pinlite.trust.keys import TrustedKeys, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ARTIFACT = "application/vnd.pinlite.action.v1"
ENVELOPE = "application/vnd.pinlite.record.v1+dsse"
_PAYLOAD = "application/vnd.pinlite.record.v1+json"

# A run waits for a record that may be elsewhere, and should not for long.
_PATIENCE = Patience(connect=5, silence=10, pace=20_000)
# In bytes. An answer of a stage, which is most of a record, has at most 8 MiB, and listings are of folders of models.
_LARGEST = 32 * 2**20
# Of a key's id, in a tag.
_WHO = 16
_LIES = "nothing of it is used; whoever may push there should look at it"

# Told of bytes as they come or go; what it raises ends that.
Count = Callable[[int], None]


class Signed(Frozen):
    """What a signature is of: a record, the ``sizes`` in bytes of all files that it needs, and the ``processor`` on
    which it was made, where that matters.
    """

    signed_schema: Literal["pinlite.record/1"] = Field("pinlite.record/1", alias="schema")
    record: Record
    sizes: dict[str, int]
    processor: str = ""


@dataclass(frozen=True)
class Place:
    """Where an action is to be found: its ``key``, and the ``processor`` where it measures; "" elsewhere."""

    key: str
    processor: str = ""

    @classmethod
    def of(cls, key: str, *, measures: bool) -> "Place":
        return cls(key, processor.name() if measures else "")

    def tag(self, signer: str) -> str:
        place = digest.of_json([self.key, self.processor]) if self.processor else self.key
        return f"action-{place}-{signer[:_WHO]}"


class RemoteStore:
    """A repository of a registry. Threads may share it. Every method raises a RegistryError where the registry is away,
    slow, full, refuses, or serves what is not to be believed.
    """

    def __init__(
        self,
        reference: Reference,
        trusted: TrustedKeys,
        signing: "Ed25519PrivateKey | None" = None,
        patience: Patience = _PATIENCE,
    ) -> None:
        """``trusted`` are the keys whose records are believed; without one that is ``signing``, nothing is pushed."""
        self.reference = reference
        self.trusted = trusted
        self._signing = signing
        self._patience = patience
        self._connecting = threading.Lock()
        self._connected: Repository | None = None
        # What was found, and can't be used, is pushed anew.
        self._unusable: set[str] = set()

    @property
    def signs(self) -> bool:
        return self._signing is not None

    @property
    def _repository(self) -> Repository:
        with self._connecting:
            if self._connected is None:
                self._connected = Repository(self.reference, self._patience)
            return self._connected

    def find(self, place: Place, count: Count = uncounted) -> Signed | None:
        """What a trusted key has signed of an action, with that key in the record; None where no one has.

        Raises:
            RegistryError: There is no such record, but one that can't be used.
        """
        unusable: RegistryError | None = None
        for signer in self.trusted.by_id:
            tag = place.tag(signer)
            found = self._repository.artifact(tag)
            if found is None:
                continue
            try:
                return self._read(found[1], place, signer, count)
            except RegistryError as error:
                if error.may_pass:
                    raise
                self._unusable.add(tag)
                unusable = error
        if unusable:
            raise unusable
        return None

    def fetch(self, found: Signed, folder: Path, store: Store, count: Count = uncounted) -> dict[str, Path]:
        """Lay the outputs of a record in a new folder, by role; what ``store`` has already is taken from there.

        Raises:
            OSError: They can't be written.
        """
        folder.mkdir(parents=True)
        try:
            for output in found.record.outputs.values():
                place = folder / output.name
                if not output.folder:
                    self._have(found, output.sha256, place, store, count)
                    continue
                place.mkdir()
                for name, sha256 in self._listing(found, output.sha256, count).items():
                    (place / name).parent.mkdir(parents=True, exist_ok=True)
                    self._have(found, sha256, place / name, store, count)
        except RegistryError as error:
            if not error.may_pass:
                self._unusable.add(self._place(found).tag(found.record.signed_by))
            raise
        return {role: folder / output.name for role, output in found.record.outputs.items()}

    def push(self, record: Record, place: Place, outputs: Mapping[str, Path], count: Count = uncounted) -> bool:
        """Have a signed record there, and before it all that it names; False where it is there already.

        ``count`` is also called between files, with 0. OSError is raised where a file can't be read, ValueError where a
        file or the record is not what it was.
        """
        assert self._signing is not None, "only who has a key pushes"
        tag = place.tag(key_id(self._signing.public_key()))
        if tag not in self._unusable and self._repository.manifest(tag):
            return False
        blobs = {
            blob.digest: (blob, content)
            for output in outputs.values()
            for content in _contents(output)
            for blob in (Descriptor.of(content),)
        }
        sizes = {blob.sha256: blob.size for blob, _ in blobs.values()}
        if not {output.sha256 for output in record.outputs.values()} <= sizes.keys():
            raise ValueError("its files have changed since")
        signed = Signed(
            record=record.model_copy(update={"signed_by": ""}),
            sizes=sizes,
            processor=place.processor,
        )
        text = json.dumps(signed.model_dump(mode="json", by_alias=True), sort_keys=True)
        data = envelope.sign(text.encode(), _PAYLOAD, self._signing).encode()
        first = Descriptor.of(data, ENVELOPE)
        for blob, content in [*blobs.values(), (first, data)]:
            count(0)
            self._repository.push(content, blob, count)
        layers = (first, *(blob for blob, _ in blobs.values()))
        self._repository.push_artifact(Manifest(artifact_type=ARTIFACT, layers=layers), tag)
        return True

    def _place(self, found: Signed) -> Place:
        return Place(found.record.preimage.key, found.processor)

    def _read(self, manifest: Manifest, place: Place, signer: str, count: Count) -> Signed:
        """The record that a manifest leads to, if the signer has signed it, and it is what is looked for."""
        layer = next((layer for layer in manifest.layers if layer.media_type == ENVELOPE), None)
        if layer is None or layer.size > _LARGEST:
            raise self._unbelieved(place, "it is no record of an action")
        data = self._repository.pull(layer)
        if data is None:
            raise self._unbelieved(place, "its record is missing")
        count(len(data))
        try:
            signed = envelope.read(data, _PAYLOAD)
            if not signed.is_signed(self.trusted.by_id[signer]):
                raise self._unbelieved(place, f"the key {signer[:_WHO]} has not signed it")
            found = Signed.model_validate_json(signed.payload)
        except (ValueError, ValidationError) as error:
            raise self._unbelieved(place, f"it is no signed record: {str(error).splitlines()[0]}") from None
        if self._place(found) != place:
            raise self._unbelieved(place, "its record is of another action")
        names = {role: output.name for role, output in found.record.outputs.items()}
        if names != found.record.preimage.outputs or not all(map(_is_inside, names.values())):
            raise self._unbelieved(place, "its outputs are not those of the action")
        return found.model_copy(update={"record": found.record.model_copy(update={"signed_by": signer})})

    def _listing(self, found: Signed, sha256: str, count: Count) -> dict[str, str]:
        """The digests of a folder's files, by their path in it."""
        blob = self._blob(found, sha256)
        data = self._repository.pull(blob) if blob.size <= _LARGEST else None
        if data is None:
            raise self._unbelieved(self._place(found), f"{sha256[:_WHO]} is missing")
        count(len(data))
        try:
            listing = json.loads(data)
            if all(isinstance(text, str) for item in listing.items() for text in item) and all(
                map(_is_inside, listing)
            ):
                return dict(listing)
        except (ValueError, AttributeError, RecursionError):
            pass
        raise self._unbelieved(self._place(found), f"{sha256[:_WHO]} lists no folder")

    def _have(self, found: Signed, sha256: str, target: Path, store: Store, count: Count) -> None:
        try:
            store.take(sha256, target, folder=False, linked=True)
        except (Damaged, OSError):
            target.unlink(missing_ok=True)
        else:
            return
        if not self._repository.pull_file(self._blob(found, sha256), target, count):
            raise self._unbelieved(self._place(found), f"{sha256[:_WHO]} is missing")

    def _blob(self, found: Signed, sha256: str) -> Descriptor:
        if sha256 not in found.sizes:
            raise self._unbelieved(self._place(found), f"it does not tell the size of {sha256[:_WHO]}")
        return Descriptor(media_type=OCTETS, digest=f"sha256:{sha256}", size=found.sizes[sha256])

    def _unbelieved(self, place: Place, why: str) -> RegistryError:
        return RegistryError(f"{self.reference} has no use for the action {place.key[:12]}: {why}", hint=_LIES)


def _contents(output: Path) -> Iterator[bytes | Path]:
    """The files of an output, a folder's listing first."""
    if not output.is_dir():
        yield output
        return
    files = digest.files_below(output)
    yield digest.canonical_json({file.relative_to(output).as_posix(): digest.of_file(file) for file in files})
    yield from files


def _is_inside(name: Any) -> bool:
    """Whether a file of that name lies in the folder that it is laid in."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
