"""The signed index: which manifest is an image's, by the image's identity, and which are the packages of a lock.

Each key that signs has an index of its own, under a tag with the key's ID. So nobody overwrites what another one has
signed, and nobody signs for another. Importing this imports cryptography.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError

from pinlite import digest
from pinlite.engine.sharing.repository import Destination, Source
from pinlite.errors import RegistryError, TamperedError
from pinlite.registry import Descriptor, Manifest
from pinlite.schema.frozen import Frozen
from pinlite.trust import envelope
from pinlite.trust.keys import TrustedKeys, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KIND = "application/vnd.pinlite.images.v1+json"
_ENVELOPE = "application/vnd.dsse.envelope.v1+json"
_TAG = "index"
_SHORT = 16
# In bytes: tens of thousands of images.
_LARGEST = 16 * 2**20

_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Entry(Frozen):
    """``of`` is an image's identity, or the key of a lock (`pinlite.engine.wheels.Pins.key`); ``digest`` is that of the
    manifest, ``size`` how many bytes all of it takes on the way.
    """

    of: str
    name: str
    digest: _Digest
    size: int = Field(ge=0)


class Index(Frozen):
    images: tuple[Entry, ...] = ()
    packages: tuple[Entry, ...] = ()

    def with_(self, images: Iterable[Entry], packages: Iterable[Entry]) -> "Index":
        """With further entries, which replace those of the same image or lock."""
        return Index(images=_merged(self.images, images), packages=_merged(self.packages, packages))

    def as_bytes(self) -> bytes:
        return digest.canonical_json(self.model_dump(mode="json"))


@dataclass(frozen=True)
class Believed:
    """What trusted keys have signed, by what it is of; an entry of a key that was given first wins."""

    images: Mapping[str, Entry] = field(default_factory=dict)
    packages: Mapping[str, Entry] = field(default_factory=dict)


def own(there: Source, key: "Ed25519PrivateKey", where: str) -> Index:
    """What a key has signed before; an empty index where it has signed none."""
    signer = key_id(key.public_key())
    return _signed(there, TrustedKeys({signer: key.public_key()}), signer, where) or Index()


def believed(there: Source, trusted: TrustedKeys, where: str) -> Believed:
    """What is believed of a repository.

    Raises:
        TamperedError: No trusted key has signed anything in it.
        RegistryError: As a repository does.
    """
    found = [index for signer in trusted.by_id if (index := _signed(there, trusted, signer, where))]
    if not found:
        others = sorted(tag.removeprefix(f"{_TAG}-") for tag in there.tags() if tag.startswith(f"{_TAG}-"))
        signed = f"; others have: {', '.join(others)}" if others else ""
        raise TamperedError(
            f"no key that you trust has signed the images in {where}{signed}",
            hint="name the public key of who pushes there with --trust-key; these are the beginnings of keys' IDs",
        )
    return _believed(found)


def unsigned(there: Source, where: str) -> Believed:
    """All that a file has, whoever may have signed it."""
    tags = sorted(tag for tag in there.tags() if tag.partition("-")[0] == _TAG)
    found = [Index.model_validate_json(payload) for tag in tags if (payload := _payload(there, tag, where))]
    return _believed(found)


def put(there: Destination, index: Index, key: "Ed25519PrivateKey | None") -> None:
    """Have an index there, signed, or without a key as it is."""
    if key:
        line, kind = envelope.sign(index.as_bytes(), KIND, key).encode(), _ENVELOPE
        tag = f"{_TAG}-{key_id(key.public_key())[:_SHORT]}"
    else:
        line, kind, tag = index.as_bytes(), KIND, _TAG
    blob = Descriptor.of(line, kind)
    there.push(line, blob, lambda _: None)
    there.push_artifact(Manifest(artifact_type=KIND, layers=(blob,)), tag)


def _signed(there: Source, trusted: TrustedKeys, signer: str, where: str) -> Index | None:
    tag = f"{_TAG}-{signer[:_SHORT]}"
    line = _line(there, tag, where)
    if line is None:
        return None
    why = "no key that is trusted has"
    try:
        signed = envelope.read(line[1], KIND)
        if trusted.signer(signed):
            return Index.model_validate_json(signed.payload)
    except ValueError as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
    raise TamperedError(
        f"the index {tag} in {where} is not what its key has signed: {why}",
        hint="somebody else has written to that repository: nothing of it is used; push the images again",
    )


def _payload(there: Source, tag: str, where: str) -> bytes | None:
    """What an index says, without a look at its signature."""
    line = _line(there, tag, where)
    if line is None or line[0].media_type == KIND:
        return line and line[1]
    try:
        return envelope.read(line[1], KIND).payload
    except ValueError as error:
        raise RegistryError(f"the index {tag} in {where} can't be read: {error}", hint="save it again") from None


def _line(there: Source, tag: str, where: str) -> tuple[Descriptor, bytes] | None:
    found = there.artifact(tag)
    if found is None:
        return None
    layers = found[1].layers
    if len(layers) != 1 or layers[0].size > _LARGEST:
        raise RegistryError(f"{tag} in {where} is no index of images", hint="push the images again")
    data = there.pull(layers[0])
    if data is None:
        raise RegistryError(f"{where} lacks the index that {tag} names", hint="push the images again")
    return layers[0], data


def _believed(found: Iterable[Index]) -> Believed:
    images: dict[str, Entry] = {}
    packages: dict[str, Entry] = {}
    for index in found:
        images = {each.of: each for each in index.images} | images
        packages = {each.of: each for each in index.packages} | packages
    return Believed(images, packages)


def _merged(one: Iterable[Entry], other: Iterable[Entry]) -> tuple[Entry, ...]:
    found = {each.of: each for each in one} | {each.of: each for each in other}
    return tuple(sorted(found.values(), key=lambda each: (each.name, each.of)))
