"""Writing ``requirements.lock``: all packages of an image, each with its hashes, chosen for its base's Python."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinlite.errors import ImageError
from pinlite.events import Notice, Observer
from pinlite.machine import folders, temporary, uv
from pinlite.machine.retries import RECONNECT, blames_network, repeated
from pinlite.toolchain import bases, files, images
from pinlite.toolchain.bases import Base
from pinlite.toolchain.images import FILE, LOCK, REQUIREMENTS, ImageFile, versions

_NEVER = "9999-01-01"
# What uv says of a package that exists as source only; of one without a wheel for the Python; of versions that exclude
# each other.
SOURCE_ONLY = re.compile(r"Wheels are required for `([^`]+)` because building from source is disabled")
NO_WHEEL = re.compile(r"has no (?:usable )?wheels|ABI tag")
_CONTRADICTION = re.compile(r"conflict|incompatible|unsatisfiable")


@dataclass(frozen=True)
class Asked:
    """What one lock is made of: ``constraints`` are locks that it has to agree with, ``pinned`` further versions that
    hold where a package is needed at all; ``before`` is a day, as 2021-09-01, after which nothing counts.
    """

    folder: Path
    base: Base
    sources: Sequence[str] = ()
    constraints: Sequence[bytes] = ()
    pinned: Mapping[str, str] | None = None
    before: str | None = None


def lock_base(base: Base, observe: Observer) -> None:
    """Write the lock of what a base has beside CPython."""
    write(Asked(folders.IMAGES / "pins" / base.name, base), observe)


def lock_image(
    name: str,
    pins: Sequence[Path],
    observe: Observer,
    *,
    pinned: Mapping[str, str] | None = None,
    before: str | None = None,
) -> None:
    """Write the lock of an image of the first of the folders, after that of the image that it is from.

    Raises:
        UsageError: The image is not there, or no image.
        ImageError: As `write`.
    """
    known = bases.load()
    folder = images.folder_of(name, pins)
    said = files.read(folder / FILE, ImageFile)
    constraints = []
    if said.parent:
        parent = images.load(said.parent, pins, known)
        base, constraints = parent.base, [parent.lock]
    else:
        base = images.base_of(said, folder, known)
        constraints = [base.lock]
    write(Asked(folder, base, said.sources, constraints, pinned, before), observe)


def in_order(names: Iterable[str], pins: Sequence[Path]) -> tuple[str, ...]:
    """The images, each once, and after the one that it is from."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(folder.name for folder, _ in reversed(images.lineage(name, pins)))
    return tuple(found)


def write(asked: Asked, observe: Observer) -> None:
    """Write the lock beside its ``requirements.in``; what it has already stays, as long as that allows it.

    Raises:
        ImageError: Packages or versions don't exist, contradict each other, or have no wheel for the Python; or the
            index is not reached.
    """
    repeated(functools.partial(_write, asked), blames_network, observe)
    observe(Notice(f"locked {asked.folder}"))


def _write(asked: Asked) -> None:
    with temporary.folder() as name:
        limits = []
        pinned = "".join(f"{package}=={version}\n" for package, version in (asked.pinned or {}).items())
        for at, text in enumerate((*asked.constraints, pinned.encode())):
            limit = Path(name, f"constraint-{at}.txt")
            limit.write_bytes(text)
            limits += ["--constraint", str(limit)]
        sources = [word for source in asked.sources for word in ("--no-binary", source)]
        try:
            uv.run(
                *("pip", "compile", "--quiet", "--generate-hashes", "--no-annotate"),
                *("--python-version", asked.base.python, "--python-platform", asked.base.wheels),
                *("--only-binary", ":all:", *sources, *limits),
                *_before(asked),
                *("--custom-compile-command", _command(asked.folder)),
                *("--output-file", asked.folder / LOCK, asked.folder / REQUIREMENTS),
                scratch=name,
            )
        except uv.UvError as error:
            raise ImageError(f"{asked.folder / LOCK} can't be made:\n{error}", hint=_hint(str(error), asked)) from error


def _before(asked: Asked) -> list[str]:
    """What a base has beside CPython is as it is, whatever the day."""
    if asked.before is None:
        return []
    spared = [word for name in versions(asked.base.lock) for word in ("--exclude-newer-package", f"{name}={_NEVER}")]
    return ["--exclude-newer", asked.before, *spared]


def _command(folder: Path) -> str:
    """What the lock says that it comes from."""
    return "make lock" if folder.is_relative_to(folders.IMAGES) else "pinlite toolchain lock"


def _hint(said: str, asked: Asked) -> str:
    when = f" as of {asked.before}" if asked.before else ""
    if blames_network(ImageError(said)):
        return RECONNECT
    if NO_WHEEL.search(said):
        return (
            f"choose versions that have wheels for CPython {asked.base.python}, or another base; a package that exists "
            f"as source only may be named in sources of {asked.folder / FILE}"
        )
    if _CONTRADICTION.search(said):
        return f"change what the message names in {asked.folder / REQUIREMENTS}: together there is no answer{when}"
    return f"name versions that there are{when} in {asked.folder / REQUIREMENTS}"
