"""Writing ``requirements.lock``: all packages of an image with their hashes, chosen for its base's Python."""

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
# uv's messages: a package exists only as source; it has no wheel for the Python; versions exclude each other.
SOURCE_ONLY = re.compile(r"Wheels are required for `([^`]+)` because building from source is disabled")
NO_WHEEL = re.compile(r"has no (?:usable )?wheels|ABI tag")
_CONTRADICTION = re.compile(r"conflict|incompatible|unsatisfiable")


@dataclass(frozen=True)
class Asked:
    """What one lock is made from. ``constraints`` are locks that it has to agree with; ``pinned`` are further versions,
    for packages that are needed anyway; ``before`` is a day like 2021-09-01: later releases don't count.
    """

    folder: Path
    base: Base
    sources: Sequence[str] = ()
    constraints: Sequence[bytes] = ()
    pinned: Mapping[str, str] | None = None
    before: str | None = None


def lock_base(base: Base, observe: Observer) -> None:
    """Write the lock of the Python packages that come with a base's CPython."""
    write(Asked(folders.IMAGES / "pins" / base.name, base), observe)


def lock_image(
    name: str,
    pins: Sequence[Path],
    observe: Observer,
    *,
    pinned: Mapping[str, str] | None = None,
    before: str | None = None,
) -> None:
    """Write the lock of an image whose pins are in one of the folders. The lock of its parent has to be there.

    Raises:
        UsageError: The pins are missing or wrong.
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
    """The images, each once, and after the image that it adds to."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(folder.name for folder, _ in reversed(images.lineage(name, pins)))
    return tuple(found)


def write(asked: Asked, observe: Observer) -> None:
    """Write the lock beside its ``requirements.in``. Versions of an earlier lock stay, if the requirements allow them.

    Raises:
        ImageError: Packages or versions don't exist, contradict each other, or have no wheel for the Python; or the
            index can't be reached.
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
    """The options of uv for the day, from which the packages of the base are exempt."""
    if asked.before is None:
        return []
    spared = [word for name in versions(asked.base.lock) for word in ("--exclude-newer-package", f"{name}={_NEVER}")]
    return ["--exclude-newer", asked.before, *spared]


def _command(folder: Path) -> str:
    """The command that the lock names as its origin."""
    return "make lock" if folder.is_relative_to(folders.IMAGES) else "pinlite toolchain lock"


def _hint(said: str, asked: Asked) -> str:
    when = f" as of {asked.before}" if asked.before else ""
    if blames_network(ImageError(said)):
        return RECONNECT
    if NO_WHEEL.search(said):
        return (
            f"choose versions that have wheels for CPython {asked.base.python}, or another base; list a package that "
            f"exists only as source in sources of {asked.folder / FILE}"
        )
    if _CONTRADICTION.search(said):
        return f"change the packages of the message in {asked.folder / REQUIREMENTS}: they don't fit together{when}"
    return f"name versions that exist{when} in {asked.folder / REQUIREMENTS}"
