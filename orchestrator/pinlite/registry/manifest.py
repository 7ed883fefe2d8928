"""Descriptors and manifests, as https://github.com/opencontainers/image-spec has them."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from pinlite import digest
from pinlite.errors import RegistryError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
OCTETS = "application/octet-stream"
_EMPTY = "application/vnd.oci.empty.v1+json"
_VERSION = 2

_Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Foreign(BaseModel):
    """What others wrote, who may have written more than is read here."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Descriptor(_Foreign):
    """Content by its digest (``sha256:...``), with its size in bytes."""

    media_type: str
    digest: _Digest
    size: int = Field(ge=0)
    artifact_type: str = ""
    annotations: dict[str, str] = {}

    @classmethod
    def of(
        cls, content: bytes | Path, media_type: str = OCTETS, annotations: dict[str, str] | None = None
    ) -> "Descriptor":
        """The descriptor of bytes, or of a file."""
        if isinstance(content, Path):
            sha256, size = digest.of_file(content), content.stat().st_size
        else:
            sha256, size = digest.of_bytes(content), len(content)
        return cls(media_type=media_type, digest=f"sha256:{sha256}", size=size, annotations=annotations or {})

    @property
    def sha256(self) -> str:
        """The digest as pinlite writes it: hex alone."""
        return self.digest.removeprefix("sha256:")


# The config of what is no image: `{}`.
EMPTY = Descriptor.of(b"{}", _EMPTY)


class Manifest(_Foreign):
    """An artifact: a config and layers. ``subject`` is the manifest that it says something about."""

    schema_version: int = _VERSION
    media_type: str = MANIFEST
    artifact_type: str = ""
    config: Descriptor = EMPTY
    layers: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}

    @classmethod
    def read(cls, data: bytes, where: str) -> "Manifest":
        """A RegistryError, with ``where`` it is, says why it is none."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise RegistryError(
                f"{where} is no manifest of an artifact: {place}: {first['msg']}",
                hint="check that the repository is the one that pinlite writes to",
            ) from None

    def as_bytes(self) -> bytes:
        """The same manifest has the same bytes, and so the same digest."""
        return digest.canonical_json(_without_empty(self.model_dump(by_alias=True)))


def is_digest(text: str) -> bool:
    return re.fullmatch(r"sha256:[0-9a-f]{64}", text) is not None


def _without_empty(value: Any) -> Any:
    """Optional fields that say nothing are left out, as in others' manifests; ``layers`` has to be there."""
    if isinstance(value, dict):
        return {
            key: _without_empty(each) for key, each in value.items() if key == "layers" or each not in ("", None, {})
        }
    return [_without_empty(each) for each in value] if isinstance(value, tuple | list) else value
