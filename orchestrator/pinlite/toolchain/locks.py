"""Writing ``requirements.lock``: all packages of an image with their hashes, chosen for its base's Python."""

import functools
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinlite.errors import ImageError
from pinlite.events import Notice, Observer
from pinlite.machine import folders, npm, temporary, uv
from pinlite.machine.retries import advice, blames_network, passes, repeated
from pinlite.toolchain import bases, days, files, images, indexes, wheel_tags
from pinlite.toolchain import npm as npm_lock
from pinlite.toolchain.bases import Base
from pinlite.toolchain.images import FILE, LOCK, REQUIREMENTS, ImageFile, versions

# uv's messages: a package exists only as source; it has no wheel for the Python; versions exclude each other.
SOURCE_ONLY = re.compile(r"Wheels are required for `([^`]+)` because building from source is disabled")
NO_WHEEL = re.compile(r"has no (?:usable )?wheels|ABI tag")
_CONTRADICTION = re.compile(r"conflict|incompatible|unsatisfiable")


@dataclass(frozen=True)
class Asked:
    """What one lock is made from. ``constraints`` are locks that it has to agree with; ``pinned`` are further versions,
    for packages that are needed anyway; ``before`` is a day like 2021-09-01: later releases don't count. ``index`` has
    what PyPI has not.
    """

    folder: Path
    base: Base
    sources: Sequence[str] = ()
    constraints: Sequence[bytes] = ()
    pinned: Mapping[str, str] | None = None
    before: str | None = None
    index: str = ""


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
        index = said.index or parent.index
    else:
        base = images.base_of(said, folder, known)
        constraints, index = [_beside(base.lock, folder / REQUIREMENTS)], said.index
    write(Asked(folder, base, said.sources, constraints, pinned, before, index), observe)
    if (folder / npm_lock.REQUIREMENTS).is_file():
        _lock_npm(folder)
        observe(Notice(f"locked {folder / npm_lock.LOCK}"))


def _lock_npm(folder: Path) -> None:
    """Write the lock of the packages of npm that are in ``package.json``."""
    with temporary.folder() as name:
        made = Path(name)
        for file in (npm_lock.REQUIREMENTS, npm_lock.LOCK):
            if (folder / file).is_file():
                shutil.copyfile(folder / file, made / file)
        try:
            npm.run("install", "--package-lock-only", folder=made)
        except npm.NpmError as error:
            raise ImageError(
                f"{folder / npm_lock.LOCK} can't be made:\n{error}", hint="name versions that npm's registry has"
            ) from error
        (folder / npm_lock.LOCK).write_bytes((made / npm_lock.LOCK).read_bytes())


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
    repeated(functools.partial(_write, asked), passes, observe)
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
        lock, requirements = asked.folder / LOCK, asked.folder / REQUIREMENTS
        try:
            elsewhere = indexes.beside(requirements.read_text(), asked.index, asked.base, Path(name))
            uv.run(
                *("pip", "compile", "--quiet", "--generate-hashes", "--no-annotate"),
                *("--python-version", asked.base.python, "--python-platform", asked.base.wheels),
                *("--only-binary", ":all:", *sources, *limits),
                # What comes with the base is exempt.
                *days.options(asked.before, versions(asked.base.lock)),
                *("--custom-compile-command", _command(asked.folder)),
                *("--output-file", lock),
                *elsewhere,
                requirements,
                scratch=name,
            )
            for project in elsewhere:
                lock.write_text(_of_one_file_each(lock.read_text(), indexes.files(project, asked.base), asked.base))
        except uv.UvError as error:
            raise ImageError(f"{asked.folder / LOCK} can't be made:\n{error}", hint=_hint(str(error), asked)) from error


def _beside(lock: bytes, requirements: Path) -> bytes:
    """A base's lock without the packages that an image asks for itself."""
    own = versions(requirements.read_bytes())
    lines = lock.decode().replace("\\\n", " ").splitlines()
    return "\n".join(line for line in lines if own.keys().isdisjoint(versions(line.encode()))).encode()


def _of_one_file_each(lock: str, listed: Mapping[str, Sequence[Mapping[str, Any]]], base: Base) -> str:
    """The lock with one file alone, which it names, of each package that PyPI does not have.

    An index beside PyPI has files that nobody here has tried, and may replace them.
    """
    for package, wheels in listed.items():
        if chosen := wheel_tags.best(wheels, base):
            pin = re.compile(rf"(?m)^({re.escape(package)}==\S+) \\\n(    --hash=\S+(?: \\\n)?)+")
            tested = rf"# {wheel_tags.name(chosen)}\n\1 \\\n    --hash=sha256:{chosen['hashes']['sha256']}"
            lock = pin.sub(tested, lock)
    return lock


def _command(folder: Path) -> str:
    """The command that the lock names as its origin."""
    return "make lock" if folder.is_relative_to(folders.IMAGES) else "pinlite toolchain lock"


def _hint(said: str, asked: Asked) -> str:
    when = f" as of {asked.before}" if asked.before else ""
    if blames_network(ImageError(said)):
        hint = advice(ImageError(said))
        missing = ", ".join(indexes.local_versions((asked.folder / REQUIREMENTS).read_text()))
        return f"{hint}; PyPI does not have {missing}: {indexes.ELSEWHERE}" if missing else hint
    if NO_WHEEL.search(said):
        return (
            f"choose versions that have wheels for CPython {asked.base.python}, or another base; list a package that "
            f"exists only as source in sources of {asked.folder / FILE}"
        )
    if _CONTRADICTION.search(said):
        return f"change the packages of the message in {asked.folder / REQUIREMENTS}: they don't fit together{when}"
    return f"name versions that exist{when} in {asked.folder / REQUIREMENTS}"
