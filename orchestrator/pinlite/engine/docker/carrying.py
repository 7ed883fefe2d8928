"""Docker's images as OCI images, by `docker save` and `docker load`."""

import contextlib
import gzip
import hashlib
import io
import json
import posixpath
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from pinlite.engine.docker import labels
from pinlite.engine.docker.words import AGAIN, advice, told
from pinlite.engine.protocol import Image
from pinlite.errors import ImageError
from pinlite.machine import temporary
from pinlite.registry import INDEX, MANIFEST, Descriptor, Manifest
from pinlite.toolchain import Base, ImageRecipe, bases

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_BASE = "base-"
# Of gzip: 6, which docker takes, needs twice the time for 3% less.
_LEVEL = 4
_GZIP = b"\x1f\x8b"
_CHUNK = 2**20
# In seconds: docker writes an image to its own disk before it sends any of it.
_PATIENCE = 600
# Of gzip at a time: each takes a processor.
_AT_ONCE = 2


class DockerCarrier:
    """A `Carrier`. It has a connection of its own, for saving and loading take longer than any other answer."""

    def __init__(self, client: docker.DockerClient, connect: Callable[[int], docker.DockerClient]) -> None:
        """``connect`` gives a client that waits so many seconds for an answer."""
        self._client = client
        self._connect = connect
        # What layers have become, by the sha256 of what is in them.
        self._packed: dict[str, Descriptor] = {}

    def possible(self, recipe: ImageRecipe) -> Mapping[str, Image]:
        return {base: labels.image(recipe, base) for base in (recipe.base.local_identity, recipe.base.digest)}

    def base(self, base: Base, identity: str) -> Image | None:
        """The local one: the public one has a name only in its own registry."""
        return Image(f"{_BASE}{base.name}", identity, base.local) if identity == base.local_identity else None

    def named(self, name: str, identity: str) -> Image | None:
        if not name.startswith(_BASE):
            return Image(name, identity, labels.tag(name, identity))
        base = bases.load().get(name.removeprefix(_BASE))
        return self.base(base, identity) if base else None

    def has(self, image: Image) -> bool:
        with _answered(f"{image.reference} can't be looked up"):
            try:
                found = self._client.images.get(image.reference).labels
            except ImageNotFound:
                return False
        return image.identity in (found.get(labels.IDENTITY), found.get(labels.BASE))

    def pack(self, image: Image, folder: Path) -> Manifest:
        with (
            temporary.folder(beside=folder / "saved") as scratch,
            _answered(f"{image.reference} can't be saved"),
            contextlib.closing(self._connect(_PATIENCE)) as client,
        ):
            saved = _Saved.read(_stream(client.api.get_image(image.reference)), Path(scratch))
            config, layers = saved.described()
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                described = list(threads.map(lambda layer: self._pack(layer, folder), layers))
        blob = Descriptor.of(config, CONFIG)
        (folder / blob.sha256).write_bytes(config)
        return Manifest(
            config=blob, layers=tuple(described), annotations={"org.opencontainers.image.title": image.name}
        )

    def unpack(self, image: Image, manifest: Manifest, folder: Path) -> None:
        config = _config((folder / manifest.config.sha256).read_bytes())
        of = {config["labels"].get(labels.IDENTITY), config["labels"].get(labels.BASE)}
        if image.identity not in of or len(config["layers"]) != len(manifest.layers):
            raise ImageError(
                f"what has come as {image.name} is another image", hint="whoever signed it has taken one for another"
            )
        with (
            _answered(f"{image.reference} can't be loaded"),
            contextlib.closing(self._connect(_PATIENCE)) as client,
        ):
            loading = client.api.load_image(_archive(image, manifest, folder))  # type: ignore[no-untyped-call]
            for said in loading or ():
                if "error" in said:
                    raise ImageError(
                        f"{image.reference} can't be loaded: {said['error']}", hint=advice(str(said["error"]))
                    )
            found = client.images.get(image.reference)
            if found.attrs["RootFS"]["Layers"] != config["layers"]:
                client.images.remove(image.reference)
                raise ImageError(f"the Docker engine has made another image of {image.reference}", hint=AGAIN)

    def _pack(self, layer: "_Layer", folder: Path) -> Descriptor:
        if layer.sha256 not in self._packed:
            # Docker with containerd's store of images keeps and saves layers packed.
            with layer.path.open("rb") as file:
                pack = _packed if file.read(len(_GZIP)) == _GZIP else _compressed
            self._packed[layer.sha256] = pack(layer.path, folder)
        return self._packed[layer.sha256]


@dataclass(frozen=True)
class _Layer:
    path: Path
    sha256: str


@dataclass
class _Saved:
    """What `docker save` wrote, as files of a folder: by the names in its archive. Docker of 2021 has the layers of an
    image by other names than docker of today; ``manifest.json`` says which they are.
    """

    files: dict[str, _Layer] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, stream: BinaryIO, folder: Path) -> "_Saved":
        saved = cls()
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for number, member in enumerate(tar):
                if member.issym() or member.islnk():
                    beside = posixpath.dirname(member.name) if member.issym() else ""
                    saved.links[member.name] = posixpath.normpath(posixpath.join(beside, member.linkname))
                elif content := tar.extractfile(member):
                    saved.files[member.name] = _kept(content, folder / str(number))
        return saved

    def described(self) -> tuple[bytes, list[_Layer]]:
        """The config, and the layers, the lowest first."""
        try:
            (entry,) = json.loads(self._at("manifest.json").path.read_bytes())
            return self._at(entry["Config"]).path.read_bytes(), [self._at(name) for name in entry["Layers"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ImageError(f"docker saves an image in a form that is not known here: {error!r}", hint=AGAIN) from None

    def _at(self, name: str) -> _Layer:
        while name in self.links:
            name = self.links[name]
        return self.files[name]


def _kept(content: Any, path: Path) -> _Layer:
    known = hashlib.sha256()
    with path.open("wb") as file:
        while chunk := content.read(_CHUNK):
            file.write(chunk)
            known.update(chunk)
    return _Layer(path, known.hexdigest())


def _packed(path: Path, folder: Path) -> Descriptor:
    found = Descriptor.of(path, LAYER)
    path.replace(folder / found.sha256)
    return found


def _compressed(path: Path, folder: Path) -> Descriptor:
    """The same content has the same bytes: there is no time and no name in them."""
    part = path.with_name(f"{path.name}.gz")
    with (
        path.open("rb") as content,
        part.open("wb") as file,
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed,
    ):
        shutil.copyfileobj(content, packed, _CHUNK)
    found = Descriptor.of(part, LAYER)
    part.replace(folder / found.sha256)
    return found


def _config(data: bytes) -> dict[str, Any]:
    """The labels and the layers' sha256 of an image's config; nothing where it is none."""
    try:
        config = json.loads(data)
        return {"labels": dict(config["config"]["Labels"] or {}), "layers": list(config["rootfs"]["diff_ids"])}
    except (ValueError, KeyError, TypeError):
        return {"labels": {}, "layers": []}


def _archive(image: Image, manifest: Manifest, folder: Path) -> Iterator[bytes]:
    """What `docker load` takes: an OCI layout, with the list of docker's own beside it. It unpacks layers itself."""
    data = manifest.as_bytes()
    described = Descriptor.of(data, MANIFEST)
    blobs = {blob.sha256: folder / blob.sha256 for blob in (manifest.config, *manifest.layers)}
    index = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [
            {"mediaType": MANIFEST, "digest": described.digest, "size": described.size}
            | {"annotations": {"io.containerd.image.name": f"docker.io/{image.reference}"}}
        ],
    }
    listed = {
        "Config": f"blobs/sha256/{manifest.config.sha256}",
        "RepoTags": [image.reference],
        "Layers": [f"blobs/sha256/{layer.sha256}" for layer in manifest.layers],
    }
    small = {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        "manifest.json": json.dumps([listed]).encode(),
        f"blobs/sha256/{described.sha256}": data,
    }
    for name, content in small.items():
        yield from _member(name, len(content), io.BytesIO(content))
    for sha256, path in blobs.items():
        with path.open("rb") as file:
            yield from _member(f"blobs/sha256/{sha256}", path.stat().st_size, file)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, size: int, content: BinaryIO) -> Iterator[bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    yield member.tobuf(tarfile.PAX_FORMAT)
    yield from iter(lambda: content.read(_CHUNK), b"")
    yield bytes(-size % tarfile.BLOCKSIZE)


def _stream(chunks: Iterator[bytes]) -> BinaryIO:
    return io.BufferedReader(_Chunks(chunks), _CHUNK)


class _Chunks(io.RawIOBase):
    """A file of what comes in pieces."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = iter(chunks), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._chunks, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


@contextlib.contextmanager
def _answered(what: str) -> Iterator[None]:
    try:
        yield
    except (APIError, DockerException, OSError, tarfile.TarError) as error:
        message = f"{what}: {told(error)}"
        raise ImageError(message, hint=advice(message)) from error
