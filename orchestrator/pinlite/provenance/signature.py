"""A statement signed by an Ed25519 key: a DSSE v1 envelope on a line, as in-toto's bundles have them.

https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md. Importing this imports cryptography.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BeforeValidator, Field, ValidationError

from pinlite.errors import UsageError
from pinlite.schema.frozen import Frozen

_TYPE = "application/vnd.in-toto+json"
_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out KEY.pem"
_PUBLISH = "write it with: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"


def _decoded(text: str) -> bytes:
    """base64 in its one right form; a ValueError for what merely decodes to the same."""
    data = base64.b64decode(text, validate=True)
    if _encoded(data) != text:
        raise ValueError("no canonical base64")
    return data


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


_Base64 = Annotated[bytes, BeforeValidator(_decoded)]


class Signature(Frozen):
    """``keyid`` is a hint at the key, which nothing vouches for."""

    keyid: str = ""
    sig: _Base64


class Envelope(Frozen):
    """A payload and who signed it."""

    payload: _Base64
    payload_type: str = Field(alias="payloadType")
    signatures: tuple[Signature, ...] = Field(min_length=1)


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file, which must not be encrypted; else a UsageError."""
    key = _key(path, "--sign", _plain, _MAKE)
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"--sign {path} is not an Ed25519 key", hint=_MAKE)
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """The key in a PEM file; else a UsageError."""
    key = _key(path, "--key", load_pem_public_key, _PUBLISH)
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"--key {path} is not an Ed25519 key", hint=_PUBLISH)
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """The sha256 of the key as DER, in hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def sign(statement: str, key: Ed25519PrivateKey) -> str:
    """A line with the envelope. Nothing in it is left to chance: the same statement and key give the same bytes."""
    payload = statement.encode()
    signature = {"keyid": key_id(key.public_key()), "sig": _encoded(key.sign(_signed(_TYPE, payload)))}
    return json.dumps({"payload": _encoded(payload), "payloadType": _TYPE, "signatures": [signature]}) + "\n"


def read(text: str) -> Envelope:
    """The envelope that `sign` made; a ValueError where it is none, or one of something else than a statement."""
    try:
        envelope = Envelope.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None
    if envelope.payload_type != _TYPE:
        raise ValueError(f"its payload is no {_TYPE}")
    return envelope


def is_signed(envelope: Envelope, key: Ed25519PublicKey) -> bool:
    """Whether one of the envelope's signatures is the key's, of its payload."""
    signed = _signed(envelope.payload_type, envelope.payload)
    mine = [signature for signature in envelope.signatures if signature.keyid in ("", key_id(key))]
    return any(_verifies(key, signature.sig, signed) for signature in mine)


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _signed(kind: str, payload: bytes) -> bytes:
    """What a signature is of: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def _plain(data: bytes) -> object:
    return load_pem_private_key(data, password=None)


def _key(path: Path, option: str, load: Callable[[bytes], object], hint: str) -> object:
    try:
        return load(path.read_bytes())
    except TypeError:
        raise UsageError(
            f"{option} {path} is encrypted", hint=f"decrypt it first: openssl pkey -in {path} -out KEY.pem"
        ) from None
    except OSError as error:
        raise UsageError(f"{option} {path} can't be read: {error.strerror}", hint=hint) from error
    except (ValueError, UnsupportedAlgorithm):
        # What it says could hold parts of the key.
        raise UsageError(f"{option} {path} is not such a key in PEM format", hint=hint) from None
