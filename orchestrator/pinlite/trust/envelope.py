"""A payload signed by an Ed25519 key: a DSSE v1 envelope on a line, as in-toto's bundles have them.

https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md. What is signed is the payload with its type, so that
an envelope of one kind of thing is none of another.
"""

import base64
import json
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BeforeValidator, Field, ValidationError

from pinlite.schema.frozen import Frozen
from pinlite.trust.keys import key_id


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

    def is_signed(self, key: Ed25519PublicKey) -> bool:
        """Whether one of the signatures is the key's, of the payload."""
        signed = _signed(self.payload_type, self.payload)
        mine = [signature for signature in self.signatures if signature.keyid in ("", key_id(key))]
        return any(_verifies(key, signature.sig, signed) for signature in mine)


def sign(payload: bytes, kind: str, key: Ed25519PrivateKey) -> str:
    """A line with the envelope of a payload, whose media type is ``kind``. Nothing in it is left to chance: the same
    payload and key give the same bytes.
    """
    signature = {"keyid": key_id(key.public_key()), "sig": _encoded(key.sign(_signed(kind, payload)))}
    return json.dumps({"payload": _encoded(payload), "payloadType": kind, "signatures": [signature]}) + "\n"


def read(text: str | bytes, kind: str) -> Envelope:
    """The envelope that `sign` made; a ValueError where it is none, or one of another ``kind`` of payload.

    Who signed it has not been looked at.
    """
    try:
        envelope = Envelope.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None
    if envelope.payload_type != kind:
        raise ValueError(f"its payload is no {kind}")
    return envelope


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _signed(kind: str, payload: bytes) -> bytes:
    """What a signature is of: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
