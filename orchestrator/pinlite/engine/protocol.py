"""What every engine offers. The conformance suite in ``tests/engine`` holds them all to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from pinlite.contract import Ready, Request, Response
from pinlite.events import Observer
from pinlite.registry import Manifest
from pinlite.schema.recipe import Limits
from pinlite.toolchain import Base, ImageRecipe


@dataclass(frozen=True)
class Image:
    """An image that is there. ``reference`` is how its engine finds it: a tag, or an environment's folder.

    ``id`` is the engine's own for what it found there, where it has one. ``lock`` tells which packages it was made of
    (`pinlite.engine.wheels.Pins.key`), ``made`` when, in seconds since 1970, ``size`` is in bytes, what it shares with
    others included: each of them where all images are listed. ``interpreter`` is that of an environment of the user's
    own, which has the place of an image.
    """

    name: str
    identity: str
    reference: str
    id: str = ""
    lock: str = field(default="", compare=False)
    made: float = field(default=0, compare=False)
    size: int = field(default=0, compare=False)
    interpreter: Path | None = None


@dataclass(frozen=True)
class Job:
    """A worker to start. ``folder`` holds its ``in`` and ``out`` mounts, ``log`` gets all that it prints.

    ``run`` names the run it belongs to, in the labels by which leftovers are found. A worker that may be kept for other
    runs waits for one for ``keep_warm`` seconds: for those that name its ``keeper``, or all of the user's. One that
    serves a single run (``once``) may be started ahead, and waits as long for it.
    """

    image: Image
    program: str
    folder: Path
    log: Path
    run: str
    limits: Limits
    keep_warm: float = 0.0
    keeper: str = ""
    once: bool = False

    @property
    def name(self) -> str:
        """What the program is called, without its package."""
        return self.program.rpartition(".")[2]

    @property
    def inputs(self) -> Path:
        return self.folder / "in"

    @property
    def outputs(self) -> Path:
        return self.folder / "out"

    @property
    def scratch(self) -> Path:
        """Its temporary files, where the engine has no other place for them."""
        return self.folder / "tmp"


@dataclass(frozen=True)
class Leftover:
    """Something a killed run left behind: a container, a process, something half made; ``run`` is "" if unknown."""

    kind: str
    name: str
    run: str = ""


class Worker(Protocol):
    """A stage program that is running. Leaving the context ends it, whatever it was doing."""

    @property
    def job(self) -> Job:
        """What it was started for; one that was kept from another run has a folder of its own."""
        ...

    def ready(self) -> Ready:
        """Wait until the program has imported its framework.

        Raises:
            StageCrashError: It ended first, or said something that is no message of this contract.
            StageTimeoutError: It took longer than the limit.
        """
        ...

    def request(self, request: Request) -> Response:
        """Send one request and wait for its response; errors as `ready`, and OutOfMemoryError, OutOfDiskError."""
        ...

    def stop(self) -> None:
        """End the worker and remove every trace of it; safe to call twice, and from another thread."""
        ...

    def release(self) -> None:
        """Be done with it: `stop`, or give it back to who keeps it for other runs."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class StartedWorker(Worker, Protocol):
    """A worker as an engine starts it: one that can be kept for other runs."""

    @property
    def rests(self) -> bool:
        """Whether it is there, has said nothing that it was not asked, and has not written beyond its limit."""
        ...

    def clear(self) -> None:
        """Remove all files of its requests, and forget what it has printed.

        Raises:
            StageCrashError: They can't be removed, or it does not rest.
        """
        ...

    def serve(self, job: Job) -> None:
        """Serve another run from now on, whose job differs by its log, its name and the limit of time; errors as
        `clear`.
        """
        ...


class Carrier(Protocol):
    """What carries an engine's images to other machines and here, as OCI images whose blobs are files by their sha256
    in a folder.
    """

    def possible(self, recipe: ImageRecipe) -> Mapping[str, Image]:
        """What the recipe's image may be, by what identifies the base that it stands on."""
        ...

    def base(self, base: Base, identity: str) -> Image | None:
        """The base of that identity, where it is one that travels, too: others are made or fetched elsewhere."""
        ...

    def named(self, name: str, identity: str) -> Image | None:
        """What an image or base of another machine's is here; None for a base that this version does not know."""
        ...

    def has(self, image: Image) -> bool: ...

    def pack(self, image: Image, folder: Path) -> Manifest:
        """Write the blobs of an image that is here, but those that this carrier has written for another one.

        Raises:
            ImageError: It can't be had of the engine.
        """
        ...

    def unpack(self, image: Image, manifest: Manifest, folder: Path) -> None:
        """Have an image here, of blobs that have been held to the manifest's digests.

        Raises:
            ImageError: It is another image, or the engine does not take it; then it is not here.
        """
        ...


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def isolates(self) -> bool:
        """Whether it keeps what runs in it from the machine."""
        ...

    @property
    def shares_disk(self) -> bool:
        """Whether its workers see the folders of a `Job` where they lie on this machine. One that does not has to carry
        the files of a request itself.
        """
        ...

    def version(self) -> str:
        """What runs the stages, for the report and for ``pinlite doctor``."""
        ...

    def find(self, recipes: Iterable[ImageRecipe]) -> dict[str, Image]:
        """Those of the images, by name, that are there already."""
        ...

    def ensure(self, recipes: Iterable[ImageRecipe], observe: Observer) -> dict[str, Image]:
        """All of the images, by name; those that are missing are made.

        Raises:
            NoEngineError: One is for another processor, whose programs don't run here.
            ImageError: One can't be made. Its log is kept, and named in the hint.
        """
        ...

    def images(self) -> list[Image]:
        """All images of this engine, of whatever identity."""
        ...

    def parts(self) -> list[Image]:
        """What builds that failed have left, for the next attempt to go on from; by ``id`` and ``size``."""
        ...

    def remove_image(self, image: Image) -> None:
        """Remove an image or a part of one; an ImageError where it is in use."""
        ...

    def size(self) -> int:
        """How many bytes all that the engine keeps take together."""
        ...

    @property
    def carrier(self) -> Carrier | None:
        """None where images are of this machine alone."""
        ...

    def start(self, job: Job) -> StartedWorker:
        """Start a worker without waiting for it to be ready."""
        ...

    def leftovers(self) -> list[Leftover]:
        """What runs that no longer exist have left behind."""
        ...

    def remove(self, leftover: Leftover) -> None: ...
