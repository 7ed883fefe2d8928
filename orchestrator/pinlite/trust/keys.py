"""Ed25519 keys in PEM: the one that signs, and those that are trusted."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pinlite import trust
from pinlite.errors import UsageError

if TYPE_CHECKING:
    from pinlite.trust.envelope import Envelope

VARIABLE = trust.SIGNING
TRUSTED = trust.TRUSTED

_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out KEY.pem"
_PUBLISH = "write it with: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"
_BLOCK = re.compile(rb"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)
_BEGINS = "-----BEGIN "


def private_key(path: Path, option: str) -> Ed25519PrivateKey:
    """The key in a PEM file, which must not be encrypted; else a UsageError that names the option."""
    return _private(_content(path, option, _MAKE), f"{option} {path}", path)


def signing_key(path: Path | None, option: str = "--signing-key") -> Ed25519PrivateKey | None:
    """The key in a PEM file, or the one of `VARIABLE`; None without either. A UsageError as `private_key`."""
    if path:
        return private_key(path, option)
    given = os.environ.get(VARIABLE, "")
    if given.lstrip().startswith(_BEGINS):
        return _private(given.encode(), VARIABLE, Path("KEY.pem"))
    return private_key(Path(given), VARIABLE) if given else None


def trusted_files(given: Iterable[Path]) -> tuple[Path, ...]:
    """The files that an option names, or else those that the environment does."""
    named = (Path(each) for each in os.environ.get(TRUSTED, "").split(os.pathsep) if each)
    return tuple(given) or tuple(named)


def public_keys(path: Path, option: str) -> tuple[Ed25519PublicKey, ...]:
    """The keys in a PEM file, which may have several one after the other; else a UsageError that names the option."""
    data = _content(path, option, _PUBLISH)
    what = f"{option} {path}"
    found = []
    for block in _BLOCK.findall(data) or [data]:
        key = _loaded(partial(load_pem_public_key, block), what, _PUBLISH)
        if not isinstance(key, Ed25519PublicKey):
            raise UsageError(f"{what} is not an Ed25519 key", hint=_PUBLISH)
        found.append(key)
    return tuple(found)


def key_id(key: Ed25519PublicKey) -> str:
    """The sha256 of the key as DER, in hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


@dataclass(frozen=True)
class TrustedKeys:
    """The public keys whose signatures are believed, by their ids, in the order in which they were given."""

    by_id: Mapping[str, Ed25519PublicKey]

    @classmethod
    def of(cls, files: Iterable[Path], signing: Ed25519PrivateKey | None = None, option: str = "--trust-key") -> Self:
        """Those in PEM files, and the public half of the key that signs here, which comes first."""
        keys = [signing.public_key()] if signing else []
        keys += [key for file in files for key in public_keys(file, option)]
        return cls({key_id(key): key for key in keys})

    def signer(self, envelope: "Envelope") -> str:
        """The id of a key that has signed the envelope, the first of several; "" for none that is trusted."""
        return next((each for each, key in self.by_id.items() if envelope.is_signed(key)), "")

    def __bool__(self) -> bool:
        return bool(self.by_id)


def _private(data: bytes, what: str, path: Path) -> Ed25519PrivateKey:
    try:
        key = _loaded(partial(load_pem_private_key, data, password=None), what, _MAKE)
    except TypeError:
        raise UsageError(
            f"{what} is encrypted", hint=f"decrypt it first: openssl pkey -in {path} -out KEY.pem"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{what} is not an Ed25519 key", hint=_MAKE)
    return key


def _content(path: Path, option: str, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path} can't be read: {error.strerror}", hint=hint) from error


def _loaded(load: Callable[[], object], what: str, hint: str) -> object:
    try:
        return load()
    except (ValueError, UnsupportedAlgorithm):
        # What it says could hold parts of the key.
        raise UsageError(f"{what} is not such a key in PEM format", hint=hint) from None
