"""What images are carried to and from: a repository in a registry, or an OCI layout in a file."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from pinlite.registry import Descriptor, Manifest


class Source(Protocol):
    """Where images come from, by the methods of `pinlite.registry.repository.Repository`. Several threads may pull."""

    def tags(self) -> Iterator[str]: ...

    def manifest(self, name: str) -> tuple[Descriptor, bytes] | None: ...

    def artifact(self, name: str) -> tuple[Descriptor, Manifest] | None: ...

    def pull(self, blob: Descriptor) -> bytes | None: ...

    def pull_file(self, blob: Descriptor, to: Path, count: Callable[[int], None]) -> bool: ...


class Destination(Protocol):
    """Where they go to; one thread pushes."""

    def push(self, content: bytes | Path, blob: Descriptor, count: Callable[[int], None]) -> None: ...

    def push_manifest(self, data: bytes, tag: str = "") -> Descriptor: ...

    def push_artifact(self, manifest: Manifest, tag: str = "") -> Descriptor: ...
