"""Where machines lay files for one another, by content: a repository of a registry, or a folder that they share."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeGuard

from pinlite import digest
from pinlite.batch.cluster.job import Blob
from pinlite.errors import PinliteError, RegistryError
from pinlite.events import Observer
from pinlite.machine import retries
from pinlite.registry import OCTETS, Descriptor, Manifest, Reference
from pinlite.store.files import Damaged, Store

if TYPE_CHECKING:
    from pinlite.registry.repository import Repository

_FOLDER = "file://"
ARTIFACT = "application/vnd.pinlite.files.v1"
_AGAIN = "check the registry, and run the same command again: what is done is not done again"


class Exchange(Protocol):
    """``address`` is what `at` makes it of, on any machine. Threads may share one."""

    address: str

    def put(self, files: Mapping[Blob, Path]) -> None:
        """Have files there, as one thing that stays or goes as a whole.

        Raises:
            RegistryError: It is away, slow, full, or refuses; or a file has changed since it was hashed.
        """
        ...

    def take(self, blob: Blob, target: Path) -> None:
        """Have a file at ``target``, where nothing is yet, and which is there only if it is the one that was asked for.

        Raises:
            RegistryError: As `put`; or it does not have the file, or gives another.
            OSError: The target can't be written.
        """
        ...


class FolderExchange:
    """An `Exchange` of processes that share a disk."""

    def __init__(self, folder: Path) -> None:
        self.address = f"{_FOLDER}{folder}"
        self._store = Store(folder)

    def put(self, files: Mapping[Blob, Path]) -> None:
        with self._store.committing():
            for blob, path in files.items():
                if self._store.put(path) != blob.sha256:
                    raise RegistryError(f"{path} has changed while it was read", hint="run the command again")

    def take(self, blob: Blob, target: Path) -> None:
        try:
            self._store.take(blob.sha256, target, folder=False, linked=False)
        except Damaged:
            target.unlink(missing_ok=True)
            raise RegistryError(f"{self.address} has no {blob.sha256[:12]}", hint=_AGAIN) from None


class RegistryExchange:
    """An `Exchange` in a repository. A manifest names the files that belong together, so that the registry does not
    collect them; its tag is ``files-`` and the digest of their listing.
    """

    def __init__(self, address: str, count: Callable[[int], None]) -> None:
        self.address = address
        self._count = count
        self._reference = Reference.parse(address)
        self._connecting = threading.Lock()
        self._known: Repository | None = None

    @property
    def _repository(self) -> "Repository":
        """Asked for the first time where something is laid or taken: it may be away before."""
        with self._connecting:
            if self._known is None:
                from pinlite.registry.repository import Repository  # noqa: PLC0415  # it imports what asks registries

                self._known = Repository(self._reference)
            return self._known

    def put(self, files: Mapping[Blob, Path]) -> None:
        layers = {
            blob: Descriptor(media_type=OCTETS, digest=f"sha256:{blob.sha256}", size=blob.size)
            for blob in sorted(files, key=lambda each: each.sha256)
        }
        manifest = Manifest(artifact_type=ARTIFACT, layers=tuple(layers.values()))
        tag = f"files-{digest.of_bytes(manifest.as_bytes())}"
        if self._repository.manifest(tag):
            return
        for blob, layer in layers.items():
            self._repository.push(files[blob], layer, self._count)
        self._repository.push_artifact(manifest, tag)

    def take(self, blob: Blob, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        wanted = Descriptor(media_type=OCTETS, digest=f"sha256:{blob.sha256}", size=blob.size)
        if not self._repository.pull_file(wanted, target, self._count):
            raise RegistryError(f"{self.address} has no {blob.sha256[:12]}", hint=_AGAIN)


def uncounted(_: int) -> None:
    """For those who let all go on to its end."""


def at(address: str, count: Callable[[int], None] = uncounted) -> Exchange:
    """The exchange of an address: ``file:///FOLDER``, or ``oci://REGISTRY/NAME``. ``count`` is told of bytes as they
    come or go; what it raises ends that.
    """
    if address.startswith(_FOLDER):
        return FolderExchange(Path(address.removeprefix(_FOLDER)))
    return RegistryExchange(address, count)


def have(blob: Blob, target: Path, exchange: Exchange, store: Store, observe: Observer) -> None:
    """A file at ``target``: from the ``store`` of this machine if that has it, else from the exchange, which is asked
    again where it is away for a moment. Raises as `Exchange.take`.
    """
    try:
        store.take(blob.sha256, target, folder=False, linked=False)
    except (Damaged, OSError):
        target.unlink(missing_ok=True)
        tried(lambda: exchange.take(blob, target), observe)


def tried(attempt: Callable[[], None], observe: Observer) -> None:
    """Take or lay something, which is safe to do twice; what it raises the last time is raised."""
    retries.repeated(attempt, may_pass, observe)


def may_pass(error: PinliteError) -> TypeGuard[RegistryError]:
    """Whether a registry is away that may be there a moment later."""
    return isinstance(error, RegistryError) and error.may_pass


def blobs_of(files: Mapping[str, Path], known: Mapping[str, str] = MappingProxyType({})) -> dict[str, Blob]:
    """Files by their content; the digests of some are ``known``, by name."""
    return {
        name: Blob(sha256=known.get(name) or digest.of_file(path), size=path.stat().st_size)
        for name, path in files.items()
    }
