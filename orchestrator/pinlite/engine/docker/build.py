"""Building an image through the SDK, on the classic builder."""

import contextlib
import io
import re
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from threading import Event
from typing import Any

import docker
from docker.errors import DockerException

from pinlite.engine import supply
from pinlite.engine.docker import index, removal
from pinlite.engine.docker.words import advice, told
from pinlite.engine.protocol import Image
from pinlite.engine.supply import Supply
from pinlite.engine.wheels import Pins
from pinlite.errors import ImageError
from pinlite.events import BuildFinished, BuildProgress, BuildStarted, Observer
from pinlite.machine import folders
from pinlite.toolchain import ImageRecipe
from pinlite.toolchain.images import LOCK

_STEP = re.compile(r"(?i:step) (\d+)/(\d+) ?: ")  # of docker, and of podman
_RUNNING = re.compile(r" ---> Running in ([0-9a-f]+)")
_LINES_IN_ERROR = 15
_AGAIN = "once what it says is mended, run the same command again: the steps that were done are kept"


class Stopped(Exception):  # noqa: N818  # nothing is wrong: nobody wants the image any more
    """The build was told to stop; the steps that were done are kept."""


class Build:
    """One image that is built on another, ``below``, from files that are here already."""

    def __init__(
        self,
        client: docker.DockerClient,
        recipe: ImageRecipe,
        image: Image,
        *,
        below: str,
        labels: Mapping[str, str],
        files: Sequence[Supply],
        shares_disk: bool,
    ) -> None:
        self.image = image
        self.below = below
        self.size = sum(each.file.size or 0 for each in files)
        self._client = client
        self._recipe = recipe
        self._labels = labels
        self._files = files
        self._shares_disk = shares_disk
        self._stopped = Event()
        # Containers: of the step that runs, and of its packages.
        self._running = self._serving = ""

    def run(self, observe: Observer) -> None:
        """Build and tag the image.

        Raises:
            ImageError: A step failed. The message ends with its last lines, the hint names the whole log.
            Stopped: Another thread has stopped it.
        """
        started = time.monotonic()
        observe(BuildStarted(self.image.name, self.size))
        serving = index.serving(self._client, self.below, self._files, shares_disk=self._shares_disk)
        with serving as self._serving:
            self._follow(f"container:{self._serving}" if self._serving else "none", observe)
        observe(BuildFinished(self.image.name, time.monotonic() - started))

    def stop(self) -> None:
        """End the step that runs, from another thread; and remove what serves it, for the daemon may take longer than
        anybody waits to do away with that step.
        """
        self._stopped.set()
        with contextlib.suppress(DockerException, OSError):
            if self._running:
                self._client.api.kill(self._running)
        with contextlib.suppress(DockerException, OSError):
            if self._serving:
                removal.container(self._client.api, self._serving)

    def _follow(self, network: str, observe: Observer) -> None:
        log = folders.logs() / "builds" / f"{self.image.reference.replace('/', '-').replace(':', '-')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        step, steps = 0, 0
        try:
            with log.open("w") as stream:
                for message in self._messages(network):
                    text = message.get("stream", "") or message.get("error", "")
                    stream.write(text)
                    if begun := _STEP.match(text):
                        step, steps = int(begun[1]), int(begun[2])
                    if running := _RUNNING.match(text):
                        self._running = running[1]
                    if self._stopped.is_set():
                        raise Stopped
                    if text.strip():
                        observe(BuildProgress(self.image.name, text.strip(), step, steps))
                    if "error" in message:
                        break
                else:
                    return
        except (DockerException, OSError) as error:  # OSError: the daemon went away
            log.write_text(f"{log.read_text()}{told(error)}\n")
        last = "".join(f"\n  {line}" for line in log.read_text().splitlines()[-_LINES_IN_ERROR:])
        hint = f"{advice(last, supply.advice(self._recipe) or _AGAIN)}; the whole log is {log}"
        raise ImageError(f"the {self.image.name} image can't be built:{last}", hint=hint)

    def _messages(self, network: str) -> Iterator[dict[str, Any]]:
        """What the builder says. Who stops listening ends the build."""
        messages: Iterator[dict[str, Any]] = self._client.api.build(
            fileobj=_context(self._recipe, self._files),
            custom_context=True,
            tag=self.image.reference,
            labels=dict(self._labels),
            buildargs=_arguments(self._recipe, self.below),
            platform=self._recipe.base.platform,
            network_mode=network,
            rm=True,
            forcerm=True,
            decode=True,
        )
        return messages


def _arguments(recipe: ImageRecipe, base: str) -> dict[str, str]:
    """What ``images/Dockerfile`` takes."""
    return {"BASE": base, "DESCRIPTION": recipe.description, "WHEELS": index.URL}


def _context(recipe: ImageRecipe, supplied: Sequence[Supply]) -> io.BytesIO:
    """The build context as a tar whose bytes follow from the recipe alone, for the builder's cache to find. npm's
    packages lie beside the programs.
    """
    wheels, sources = Pins.of(recipe).by_kind()
    files = {**recipe.files, **recipe.local, LOCK: wheels.encode(), "sources.lock": sources.encode()}
    files |= {f"programs/{place}": content for place, content in supply.beside(recipe, supplied).items()}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        folder = tarfile.TarInfo("local")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    stream.seek(0)
    return stream
