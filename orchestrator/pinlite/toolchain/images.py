"""Images as data: what goes into an image, and the identity that follows from it."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from pinlite import digest
from pinlite.errors import UsageError
from pinlite.machine import folders
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import files, npm
from pinlite.toolchain.bases import Base

FILE, LOCK, REQUIREMENTS, OVERLAY = "image.toml", "requirements.lock", "requirements.in", "overlay.lock"

_PROGRAMS = "programs"
_WITH = "-with"
# A name becomes part of the names of Docker repositories, folders and files.
_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_LONGEST = 64
# As pip and uv read it in a file of requirements.
SOURCE_LINE = "--no-binary"
_SOURCE = re.compile(rf"(?m)^{SOURCE_LINE} (\S+)$")
_PIN = re.compile(r"(?m)^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;]+)")


class ImageFile(Frozen):
    """``pins/<image>/image.toml``. An image is built on a ``base``, or adds to another image (``from``); ``programs``
    are the packages in ``images/programs`` that it carries; ``sources`` are packages that exist only as source;
    ``index`` is the URL of one beside PyPI that has what PyPI has not, as `pinlite.toolchain.indexes` says.
    """

    description: str
    base: str = ""
    parent: str = Field("", alias="from")
    programs: tuple[str, ...]
    sources: tuple[str, ...] = ()
    index: str = ""

    @model_validator(mode="after")
    def _stands_on_one(self) -> Self:
        if bool(self.base) == bool(self.parent):
            raise ValueError("an image needs either a base or another image (from), not both")
        return self


@dataclass(frozen=True)
class ImageRecipe:
    """One image as data. ``files`` is its build context by name; ``parent`` is the image that it adds to; ``sources``
    are packages that exist only as source and are built with the image; ``index`` has what PyPI has not.
    ``interpreter`` is that of an environment of the user's own, which is no image, but has the place of one.
    ``local`` are the user's own packages, by their place in the build; the lock names them by their digests.
    """

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    base: Base
    parent: "ImageRecipe | None" = None
    description: str = ""
    sources: tuple[str, ...] = ()
    index: str = ""
    local: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    interpreter: Path | None = None

    @property
    def lock(self) -> bytes:
        """The hashed requirements: every package of the image's environment."""
        return self.files[LOCK]

    @property
    def installed(self) -> bytes:
        """The hashed requirements that an engine installs: all, or those that the user's own environment lacks."""
        return self.files[OVERLAY] if self.interpreter else self.lock

    @property
    def programs(self) -> Mapping[str, bytes]:
        """The stage programs by their path in ``images/programs``."""
        within = f"{_PROGRAMS}/"
        return {name.removeprefix(within): data for name, data in self.files.items() if name.startswith(within)}

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the image's packages, by their normalized names."""
        return versions(self.lock) | {name: each.version for name, each in npm.packages(self.npm).items()}

    @property
    def npm(self) -> bytes:
        """The lock of npm's packages that are beside those of Python; empty where there are none."""
        return self.files.get(npm.LOCK, b"")

    @property
    def builds(self) -> bool:
        """Whether code of a package runs while the image is made."""
        return bool(self.sources) or any(not place.endswith(".whl") for place in self.local)

    @property
    def strange_sources(self) -> tuple[str, ...]:
        """The packages of ``--with`` that are built of a source which is not the user's."""
        return self.sources if self.name.endswith(_WITH) else ()

    @property
    def lineage(self) -> tuple["ImageRecipe", ...]:
        """The images below this one, the lowest first, and this one."""
        return (*(self.parent.lineage if self.parent else ()), self)

    @functools.cached_property
    def _digests(self) -> dict[str, str]:
        return {name: digest.of_bytes(data) for name, data in self.files.items()}

    @functools.cached_property
    def _identities(self) -> dict[str, str]:
        """Those that were told before, by what they were asked ``on``."""
        return {}

    def identity(self, on: str = "") -> str:
        """The sha256 of everything that decides what the image does. ``on`` identifies the base of the lowest image;
        without it, that is the public base.
        """
        if on not in self._identities:
            below = self.parent.identity(on) if self.parent else on or self.base.digest
            self._identities[on] = digest.of_json(
                {"files": self._digests, "from": below, "platform": self.base.platform, "sources": self.sources}
            )
        return self._identities[on]


def load(name: str, pins: Sequence[Path], known: Mapping[str, Base]) -> ImageRecipe:
    """The image of a name. Its pins are in the first of the folders ``pins`` that has them; ``known`` are the bases.

    Raises:
        UsageError: No folder has them, or their files are wrong; the message names file and key.
    """
    (folder, said), *above = lineage(name, pins)
    parent = load(said.parent, pins, known) if above else None
    base = parent.base if parent else base_of(said, folder, known)
    context = {"Dockerfile": _dockerfile(), LOCK: _lock(folder)}
    if (folder / npm.LOCK).is_file():
        context[npm.LOCK] = _npm_lock(folder / npm.LOCK)
    for package in said.programs:
        context |= program(package, folder / FILE)
    index = said.index or (parent.index if parent else "")
    return ImageRecipe(name, context, base, parent, said.description, said.sources, index)


def lineage(name: str, pins: Sequence[Path]) -> tuple[tuple[Path, ImageFile], ...]:
    """The folder of an image's pins and the content of its file, then those of the image that it adds to, and so on.

    Raises:
        UsageError: One of them is missing or wrong, or an image adds to itself.
    """
    found: dict[str, tuple[Path, ImageFile]] = {}
    while name not in found:
        folder = folder_of(name, pins)
        found[name] = folder, files.read(folder / FILE, ImageFile)
        name = found[name][1].parent
        if not name:
            return tuple(found.values())
    raise UsageError(
        f"{found[name][0] / FILE}: the image {name} adds to itself", hint="give it a base in place of from"
    )


def folder_of(name: str, pins: Sequence[Path]) -> Path:
    """The folder of an image's pins; a UsageError if none of the folders has them."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{name[:_LONGEST]!r} can't name an image", hint="use small letters and digits, with . _ or - between them"
        )
    folder = next((below / name for below in pins if (below / name / FILE).is_file()), None)
    if folder is None:
        raise UsageError(f"no pins were found for the image {name!r}", hint=f"write {pins[0] / name / FILE}")
    return folder


def base_of(said: ImageFile, folder: Path, known: Mapping[str, Base]) -> Base:
    """The base that an image's file names; a UsageError if that base does not exist."""
    if said.base not in known:
        raise UsageError(f"{folder / FILE}: unknown base {said.base!r}", hint=f"known: {', '.join(known)}")
    return known[said.base]


def with_requirements(parent: ImageRecipe, lock: bytes, local: Mapping[str, bytes] | None = None) -> ImageRecipe:
    """The image that adds the packages of ``--with`` to a stage's image.

    ``lock`` has the parent's packages too. It says which exist as source only, and lists ``local`` by digests.
    """
    programs = {name: data for name, data in parent.files.items() if name.startswith(f"{_PROGRAMS}/")}
    context = {"Dockerfile": _dockerfile(), LOCK: lock} | programs
    sources = tuple(_SOURCE.findall(lock.decode()))
    return ImageRecipe(
        f"{parent.name}{_WITH}", context, parent.base, parent, parent.description, sources, parent.index, local or {}
    )


def versions(lock: bytes) -> dict[str, str]:
    """The packages of a lock, by their normalized names."""
    return {normalized(found["name"]): found["version"] for found in _PIN.finditer(lock.decode())}


def normalized(package: str) -> str:
    """A distribution's name, normalized by https://packaging.python.org/specifications/name-normalization."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _dockerfile() -> bytes:
    return (folders.IMAGES / "Dockerfile").read_bytes()


def _npm_lock(file: Path) -> bytes:
    lock = file.read_bytes()
    try:
        npm.packages(lock)
    except ValueError as error:
        raise UsageError(f"{file}: {error}", hint="write it with `pinlite toolchain lock`") from None
    return lock


def _lock(folder: Path) -> bytes:
    hint = "write it with `pinlite toolchain lock`"
    if not (folder / LOCK).is_file():
        raise UsageError(f"{folder} has no {LOCK}", hint=hint)
    lock = (folder / LOCK).read_bytes()
    try:
        lock.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{folder / LOCK} is not text: {error}", hint=hint) from None
    return lock


def program(package: str, file: Path) -> Mapping[str, bytes]:
    """The files of a package of programs by their place in a build context; a UsageError blames ``file``."""
    folder = folders.IMAGES / _PROGRAMS / package
    if not package.isidentifier() or not folder.is_dir():
        raise UsageError(
            f"{file}: unknown programs {package!r}",
            hint=f"known: {', '.join(sorted(path.name for path in folder.parent.iterdir()))}",
        )
    return files_of(folder)


@functools.cache
def files_of(folder: Path) -> Mapping[str, bytes]:
    """The files of a package of programs, which several images have: read once in a process."""
    return {
        f"{_PROGRAMS}/{path.relative_to(folder.parent).as_posix()}": path.read_bytes()
        for path in sorted(digest.files_below(folder))
    }
