"""The docker engine, which isolates: each worker is a container, each image is built from its recipe."""

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image as DockerImage

from pinlite.engine import owner, supply, usage
from pinlite.engine.docker import builds, labels
from pinlite.engine.docker.build import Build
from pinlite.engine.docker.carrying import DockerCarrier
from pinlite.engine.docker.container import ContainerProcess, remove
from pinlite.engine.docker.words import AGAIN, advice, told, unreachable
from pinlite.engine.process import ProcessWorker
from pinlite.engine.protocol import Carrier, Image, Job, Leftover, StartedWorker
from pinlite.engine.supply import Supply, Wanted
from pinlite.engine.wheels import Pins
from pinlite.errors import ImageError, NoEngineError, PinliteError, StageCrashError
from pinlite.events import Notice, Observer
from pinlite.machine import processes
from pinlite.machine.retries import repeated
from pinlite.toolchain import Base, ImageRecipe

# Of a container's ID: as much of it as docker itself shows.
_SHORT = 12

# In seconds, for each answer of the daemon's but those that take as long as their work: on a machine that is busy with
# disks it takes a container some to go.
PATIENCE = 60


class DockerEngine:
    name = "docker"
    isolates = True
    shares_disk = True

    def __init__(self) -> None:
        """Connect to the daemon that the environment names; NoEngineError when none answers."""
        try:
            self._client = docker.from_env(timeout=PATIENCE)
            # docker itself waits without end for the answer to an attach.
            api = self._client.api
            api.post = functools.partial(api.post, timeout=PATIENCE)  # type: ignore[method-assign]
            self._version = str(self._client.version()["Version"])
        except Exception as error:  # the errors of an ssh client have no class that is always there
            raise unreachable(error) from error

    def version(self) -> str:
        return f"Docker {self._version}"

    def find(self, recipes: Iterable[ImageRecipe]) -> dict[str, Image]:
        found: dict[str, Image] = {}
        for base, those in _by_base(recipes):
            found |= self._find_of(base, those)
        return found

    def ensure(self, recipes: Iterable[ImageRecipe], observe: Observer) -> dict[str, Image]:
        found: dict[str, Image] = {}
        short = []
        for base, those in _by_base(recipes):
            there = self._find_of(base, those)
            found |= there
            if len(there) < len(those):
                short.append((base, those))
        if short:
            found |= self._made(short, observe)
        usage.note(self.name, found.values())
        return found

    def images(self) -> list[Image]:
        """An image that someone made on top of one of ours has its labels, but not its tag; one that is being built has
        some of the labels, and no tag yet.
        """
        found = []
        with _answering():
            entries = self._client.api.images(filters={"label": labels.IDENTITY})
        for entry in entries:
            name, identity = entry["Labels"].get(owner.IMAGE, ""), entry["Labels"][labels.IDENTITY]
            if labels.tag(name, identity) in (entry["RepoTags"] or ()):
                found.append(
                    Image(
                        name,
                        identity,
                        labels.tag(name, identity),
                        entry["Id"],
                        lock=entry["Labels"].get(labels.LOCK, ""),
                        made=entry["Created"],
                        size=entry["Size"],
                    )
                )
        return found

    def parts(self) -> list[Image]:
        with _answering():
            entries = self._client.api.images(filters={"label": labels.PART, "dangling": True})
        return [Image("", "", entry["Id"], entry["Id"], made=entry["Created"], size=entry["Size"]) for entry in entries]

    def size(self) -> int:
        with _answering():
            return int(self._client.df()["LayersSize"])

    def remove_image(self, image: Image) -> None:
        try:
            self._client.images.remove(image.reference)
        except ImageNotFound:
            return
        except APIError as error:
            raise ImageError(
                f"{image.reference} can't be removed: {told(error)}",
                hint="end the runs that use it; `pinlite clean` ends the workers that are kept warm",
            ) from error

    @property
    def carrier(self) -> Carrier:
        return DockerCarrier(self._client)

    def start(self, job: Job) -> StartedWorker:
        try:
            return ProcessWorker(ContainerProcess(self._client, job), job)
        except (DockerException, OSError) as error:
            message = f"the {job.name} container can't be started: {told(error)}"
            raise StageCrashError(message, hint=advice(message)) from error

    def leftovers(self) -> list[Leftover]:
        with _answering():
            containers = self._client.api.containers(all=True, filters={"label": owner.OWNER})
        return [
            Leftover("container", entry["Id"][:_SHORT], entry["Labels"][owner.RUN])
            for entry in containers
            if not processes.is_alive(entry["Labels"][owner.OWNER])
        ]

    def remove(self, leftover: Leftover) -> None:
        with _answering():
            remove(self._client.api, leftover.name)

    def _find_of(self, base: Base, recipes: Sequence[ImageRecipe]) -> dict[str, Image]:
        """On the public base or the local one: on that on which more of them are."""
        public, local = (self._find_on(on, recipes) for on in (base.digest, base.local_identity))
        return public if len(public) >= len(local) else local

    def _find_on(self, base: str, recipes: Iterable[ImageRecipe]) -> dict[str, Image]:
        """Asked for by their tags: a listing of all images takes the daemon far longer."""
        return {recipe.name: image for recipe in recipes if (image := self._found(labels.image(recipe, base)))}

    def _found(self, image: Image) -> Image | None:
        """The image with Docker's ID, if it is there."""
        found = self._get(image.reference)
        is_it = found and found.labels.get(labels.IDENTITY) == image.identity
        return replace(image, id=str(found.id)) if found and is_it else None

    def _made(self, wanted: Sequence[tuple[Base, Sequence[ImageRecipe]]], observe: Observer) -> dict[str, Image]:
        """The images on the bases that are here now; what is missing is built."""
        lacking = [recipe for base, recipes in wanted for recipe in self._lacking(base, recipes)]
        supplied = supply.provided(
            [Wanted(self._image(recipe).reference, Pins.of(recipe), _versions(recipe.parent)) for recipe in lacking],
            self._place(),
            observe,
            twice=True,
        )
        with supplied as supplies:
            for base in {recipe.base.name: recipe.base for recipe in lacking if not recipe.parent}.values():
                self._have(base, observe)
            builds.run([self._build(recipe, supplies) for recipe in lacking], observe)
        found: dict[str, Image] = {}
        for base, recipes in wanted:
            found |= self._find_on(self._base(base)[1], recipes)
        return found

    def _lacking(self, base: Base, recipes: Iterable[ImageRecipe]) -> list[ImageRecipe]:
        """Those that are missing of the images and of what they stand on, each once."""
        identity = self._base(base)[1]
        lineages = {labels.image(each, identity): each for recipe in recipes for each in recipe.lineage}
        return [recipe for image, recipe in lineages.items() if not self._found(image)]

    def _image(self, recipe: ImageRecipe) -> Image:
        """What the recipe's image is on the base that is here."""
        return labels.image(recipe, self._base(recipe.base)[1])

    def _build(self, recipe: ImageRecipe, supplies: Mapping[str, Sequence[Supply]]) -> Build:
        image, (base, identity) = self._image(recipe), self._base(recipe.base)
        marks = {
            owner.IMAGE: image.name,
            labels.IDENTITY: image.identity,
            labels.LOCK: Pins.of(recipe).key,
            "org.opencontainers.image.title": f"pinlite/{image.name}",
            "org.opencontainers.image.base.name": recipe.base.reference,
            "org.opencontainers.image.base.digest": identity,
        }
        below = self._image(recipe.parent).reference if recipe.parent else base
        return Build(self._client, recipe, image, below=below, labels=marks, files=supplies[image.reference])

    def base(self, base: Base) -> str | None:
        """The base image that is here, by reference: the public one, or the local one when it is of today's recipe."""
        if self._labels(base.pinned) is not None:
            return base.pinned
        found = self._labels(base.local) or {}
        return base.local if found.get(labels.BASE) == base.local_identity else None

    def _base(self, base: Base) -> tuple[str, str]:
        """What the first images stand on, and its identity: the public base, unless an equal one is here."""
        if self.base(base) == base.local:
            return base.local, base.local_identity
        return base.pinned, base.digest

    def _have(self, base: Base, observe: Observer) -> None:
        """Pull the public base where none is here."""
        if self.base(base) is None:
            observe(Notice(f"pulling the base image {base.reference}"))
            # What is there already is not fetched twice.
            repeated(functools.partial(self._pull, base), _may_be_pulled, observe)

    def _place(self) -> Path | None:
        """Where the daemon keeps its images, if that is on this machine and can be seen."""
        with _answering():
            root = Path(self._client.info()["DockerRootDir"])
        return root if root.exists() else None

    def _pull(self, base: Base) -> None:
        try:
            self._client.images.pull(base.pinned, platform=base.platform)
        except (DockerException, OSError) as error:
            raise ImageError(
                f"the base image {base.reference} can't be pulled: {told(error)}",
                hint="without a registry `pinlite images base` builds an equal one from Debian's packages",
            ) from error

    def _labels(self, reference: str) -> dict[str, str] | None:
        """An image's labels; None where there is no such image."""
        found = self._get(reference)
        return None if found is None else dict(found.labels)

    def _get(self, reference: str) -> DockerImage | None:
        with _answering():
            try:
                return self._client.images.get(reference)
            except ImageNotFound:
                return None


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """NoEngineError where the daemon doesn't answer what is asked within, or has gone."""
    try:
        yield
    except (DockerException, OSError) as error:
        raise NoEngineError(f"no Docker engine answers: {told(error)}", hint=AGAIN) from error


def _versions(recipe: ImageRecipe | None) -> Mapping[str, str]:
    """The packages of an image that another one adds to."""
    return recipe.versions if recipe else {}


def _may_be_pulled(error: PinliteError) -> bool:
    """What a registry does not have it won't have in a moment."""
    return not isinstance(error.__cause__, ImageNotFound)


def _by_base(recipes: Iterable[ImageRecipe]) -> list[tuple[Base, list[ImageRecipe]]]:
    """What stands on the same base has to stand on the same image of it."""
    found: dict[str, tuple[Base, list[ImageRecipe]]] = {}
    for recipe in recipes:
        found.setdefault(recipe.base.name, (recipe.base, []))[1].append(recipe)
    return list(found.values())
