"""The docker engine, which isolates: each worker is a container, each image is built from its recipe."""

import contextlib
import functools
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.images import Image as DockerImage

from pinlite.engine import owner, supply, usage
from pinlite.engine.docker import builds, connecting, container, labels, probing, removal
from pinlite.engine.docker.build import Build
from pinlite.engine.docker.carrying import DockerCarrier
from pinlite.engine.docker.container import ContainerProcess
from pinlite.engine.docker.porter import Porter
from pinlite.engine.docker.tunnel import Tunnel, TunnelError
from pinlite.engine.docker.words import AGAIN, advice, told, unreachable
from pinlite.engine.process import ProcessWorker
from pinlite.engine.protocol import Carrier, Image, Job, Leftover, StartedWorker
from pinlite.engine.supply import Supply, Wanted
from pinlite.engine.wheels import Pins
from pinlite.errors import ImageError, NoEngineError, PinliteError, StageCrashError
from pinlite.events import Notice, Observer
from pinlite.machine import emulation, processes, temporary
from pinlite.machine.retries import repeated
from pinlite.toolchain import Base, ImageRecipe, bases

# Of a container's ID: as much of it as docker itself shows.
_SHORT = 12
_VOLUME = "volume"
# The registries of what is in none.
_SAID_BY_PODMAN = ("docker.io", "localhost")

# In seconds, for each answer of the daemon's but those that take as long as their work: on a machine that is busy with
# disks it takes a container some to go.
PATIENCE = 60


class DockerEngine:
    name = "docker"
    isolates = True

    def __init__(self) -> None:
        """Connect to the daemon that the environment names; NoEngineError when none answers."""
        environment = dict(os.environ)
        try:
            with contextlib.ExitStack() as opened:
                if environment.get("DOCKER_HOST", "").startswith("ssh://"):
                    tunnel = opened.enter_context(contextlib.closing(Tunnel(environment["DOCKER_HOST"], PATIENCE)))
                    environment["DOCKER_HOST"] = tunnel.address
                with contextlib.closing(connecting.client(environment, PATIENCE)) as asking:
                    version = asking.version(api_version=False)
                weakref.finalize(self, opened.pop_all().close)
        except (DockerException, TunnelError, OSError, ValueError) as error:  # of an address that is none
            raise unreachable(error) from error
        self._environment, self._api = environment, str(version["ApiVersion"])
        self._client = self._connect(PATIENCE)
        self._version = str(version["Version"])
        self.platform = f"{version['Os']}/{version['Arch']}"
        self._is_podman = probing.is_podman(version)
        self._sees: bool | None = None

    def _connect(self, patience: int) -> docker.DockerClient:
        """Another client, which waits so many seconds for an answer; it can be used as long as the engine is there."""
        return connecting.client(self._environment, patience, self._api)

    @property
    def shares_disk(self) -> bool:
        """Asked once; NoEngineError where the engine does not answer."""
        if self._sees is None:
            sees = probing.podman_sees if self._is_podman else probing.sees
            with _answering(), temporary.folder() as folder:
                self._sees = sees(self._client.api, Path(folder).resolve())
        return self._sees is not False

    def version(self) -> str:
        return f"{'Podman' if self._is_podman else 'Docker'} {self._version}"

    def emulator(self, platform: str) -> str:
        """What runs a platform's programs: "qemu-user 7.2.22", for example, or the processor; a NoEngineError where
        nothing does.
        """
        if platform == self.platform:
            return emulation.NATIVE
        with _answering():
            found = probing.emulator(self._client.api, platform)
        if found is None:
            raise emulation.missing("the Docker engine", platform)
        return found

    def find(self, recipes: Iterable[ImageRecipe]) -> dict[str, Image]:
        found: dict[str, Image] = {}
        for base, those in _by_base(recipes):
            found |= self._find_of(base, those)
        return found

    def ensure(self, recipes: Iterable[ImageRecipe], observe: Observer) -> dict[str, Image]:
        found: dict[str, Image] = {}
        short = []
        by_base = _by_base(recipes)
        for platform in sorted({base.platform for base, _ in by_base}):
            self.emulator(platform)
        for base, those in by_base:
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
            tag = labels.tag(name, identity)
            if {tag, *(f"{registry}/{tag}" for registry in _SAID_BY_PODMAN)} & {*(entry["RepoTags"] or ())}:
                found.append(
                    Image(
                        name,
                        identity,
                        tag,
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
        except NotFound:
            return
        except APIError as error:
            raise ImageError(
                f"{image.reference} can't be removed: {told(error)}",
                hint="end the runs that use it; `pinlite clean` ends the workers that are kept warm",
            ) from error

    @property
    def carrier(self) -> Carrier:
        return DockerCarrier(self._client, self._connect)

    def start(self, job: Job) -> StartedWorker:
        try:
            if self.shares_disk:
                return ProcessWorker(ContainerProcess(self._client, job, container.folders(job)), job)
            porter = Porter(self._client, job, container.user())
            try:
                return ProcessWorker(ContainerProcess(self._client, job, porter.mounts, porter), job, porter)
            except BaseException:
                with contextlib.suppress(OSError):
                    porter.remove()
                raise
        except (DockerException, OSError, NoEngineError) as error:
            message = f"the {job.name} container can't be started: {told(error)}"
            raise StageCrashError(message, hint=advice(message)) from error

    def leftovers(self) -> list[Leftover]:
        """Volumes come last: they can't be removed while a container has them."""
        labelled = {"label": owner.OWNER}
        with _answering():
            containers = self._client.api.containers(all=True, filters=labelled)
            volumes = self._client.api.volumes(filters=labelled)["Volumes"] or ()
        found = [("container", entry["Id"][:_SHORT], entry["Labels"]) for entry in containers]
        found += [(_VOLUME, entry["Name"], entry["Labels"]) for entry in volumes]
        return [
            Leftover(kind, name, marks[owner.RUN])
            for kind, name, marks in found
            if not processes.is_alive(marks[owner.OWNER])
        ]

    def remove(self, leftover: Leftover) -> None:
        remove = removal.volume if leftover.kind == _VOLUME else removal.container
        with _answering():
            remove(self._client.api, leftover.name)

    def _find_of(self, base: Base, recipes: Sequence[ImageRecipe]) -> dict[str, Image]:
        """On the public base or the local one: on that on which more of them are."""
        public, local = (self._find_on(on, recipes) for on in (base.digest, self._local_identity(base)))
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
        return Build(
            self._client,
            recipe,
            image,
            below=below,
            labels=marks,
            files=supplies[image.reference],
            shares_disk=self.shares_disk,
        )

    def base(self, base: Base) -> str | None:
        """The base image that is here, by reference: the public one, or the local one when it is of today's recipe."""
        # An engine has one image of an index at a time, whatever its platform.
        public = self._get(base.pinned) if base.reference else None
        if public and f"{public.attrs['Os']}/{public.attrs['Architecture']}" == base.platform:
            return base.pinned
        local = self._get(base.local)
        return base.local if local and local.labels.get(labels.BASE) == base.local_identity else None

    def _base(self, base: Base) -> tuple[str, str]:
        """What the first images stand on, and its identity: the public base, unless an equal one is here."""
        if self.base(base) == base.local:
            return base.local, self._local_identity(base)
        return base.pinned, base.digest

    def _local_identity(self, base: Base) -> str:
        """Of the local base as it is here."""
        local = self._get(base.local)
        return base.with_browser(base.local_identity, local.labels.get(labels.BROWSER, "") if local else "")

    def _have(self, base: Base, observe: Observer) -> None:
        """Pull the public base where none is here."""
        if self.base(base) is None and not base.reference:
            raise ImageError(
                f"the base image {base.local} is not here, and no registry has it",
                hint=f"pinlite images base {base.name}",
            )
        if self.base(base) is None:
            observe(Notice(f"pulling the base image {base.reference}"))
            # What is there already is not fetched twice.
            repeated(functools.partial(self._pull, base), _may_be_pulled, observe)

    def _place(self) -> Path | None:
        """Where the daemon keeps its images, if that is on this machine and can be seen."""
        if not self.shares_disk:
            return None
        with _answering():
            root = Path(self._client.info()["DockerRootDir"])
        return root if root.exists() else None

    def _pull(self, base: Base) -> None:
        try:
            self._client.images.pull(base.pinned, platform=base.platform)
        except (DockerException, OSError) as error:
            raise ImageError(
                f"the base image {base.reference} can't be pulled: {told(error)}",
                hint=f"without a registry `{bases.command(base)}` builds an equal one from Debian's packages",
            ) from error

    def _get(self, reference: str) -> DockerImage | None:
        """An image; None where there is no such image."""
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
