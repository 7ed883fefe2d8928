"""The user's own environments as images: which programs they run, at which opsets, and what they may lack."""

import re
from dataclasses import replace

from pydantic import Field

from pinlite.machine import folders
from pinlite.schema.environment import Environment
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import files, images
from pinlite.toolchain.bases import Base
from pinlite.toolchain.images import ImageRecipe
from pinlite.toolchain.toolchains import PINS, Opsets, Toolchain

IMAGE = "environment"

_ROLE = "torch"
_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==[^\s;]+(?P<marker> ; [^\\\n]+?)?(?= \\\n|\n|$)")
_PLATFORM_TAGS = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


class Row(Frozen):
    """A row of ``images/environments.toml``: what holds from a version of torch on. ``overlay`` is the name of pins."""

    since: str
    tested: tuple[str, ...]
    opsets: Opsets
    programs: tuple[str, ...] = Field(min_length=1)
    overlay: str = ""


class _Rows(Frozen):
    torch: tuple[Row, ...] = Field(min_length=1)


def rows() -> tuple[Row, ...]:
    """All rows, the oldest torch first."""
    return files.read(folders.IMAGES / "environments.toml", _Rows).torch


def row_of(environment: Environment) -> Row:
    """The row of an environment's torch; the first one for a torch that is older than all."""
    from packaging.version import Version  # noqa: PLC0415  # takes time to import

    first, *others = rows()
    torch = Version(environment.packages[_ROLE])
    return next((row for row in reversed(others) if torch >= Version(row.since)), first)


def untested(environment: Environment) -> str:
    """A line that says that no torch of this release was tried; "" for one that was."""
    from packaging.version import Version  # noqa: PLC0415  # as above

    tested = [version for row in rows() for version in row.tested]
    torch = environment.packages[_ROLE]
    if Version(torch).release[:2] in {Version(version).release[:2] for version in tested}:
        return ""
    return f"torch {torch} was not tried with pinlite, which was with {', '.join(tested)}"


def with_environment(chosen: Toolchain, environment: Environment) -> Toolchain:
    """The toolchain with the user's own environment in place of its image for PyTorch."""
    return replace(chosen, images={**chosen.images, _ROLE: image_of(environment)})


def image_of(environment: Environment) -> ImageRecipe:
    """An environment as an image: ``lock`` names all its packages, ``overlay`` pins those that it lacks."""
    row = row_of(environment)
    overlay = _lacking(row.overlay, environment) if row.overlay else ""
    own = "".join(f"{name}=={version}\n" for name, version in environment.packages.items())
    context = {images.LOCK: f"{own}{overlay}".encode(), images.OVERLAY: overlay.encode()}
    for package in row.programs:
        context |= images.program(package, folders.IMAGES / "environments.toml")
    base = Base(
        name=IMAGE,
        python=_minor(environment),
        reference="",
        digest=f"sha256:{environment.content}",
        platform=environment.platform,
        wheels=f"{_PLATFORM_TAGS.get(environment.platform, environment.platform)}-manylinux_2_28",
        local="",
        debian="",
        packages=(),
        lock=b"",
    )
    description = f"torch {environment.packages[_ROLE]} of the user's own"
    return ImageRecipe(IMAGE, context, base, None, description, interpreter=environment.interpreter)


def _lacking(pins: str, environment: Environment) -> str:
    """The entries of a lock that are for the environment's Python, and for packages that it does not have."""
    lock = (folders.IMAGES / PINS / pins / images.LOCK).read_text()
    return "".join(
        entry.replace(found["marker"] or "", "", 1) + "\n"
        for entry in re.split(r"\n(?=\S)", lock.strip())
        if (found := _ENTRY.match(entry))
        and images.normalized(found["name"]) not in environment.packages
        and _holds(found["marker"], environment)
    )


def _minor(environment: Environment) -> str:
    return ".".join(environment.python.split(".")[:2])


def _holds(marker: str | None, environment: Environment) -> bool:
    if not marker:
        return True
    from packaging.markers import Marker  # noqa: PLC0415  # as above

    python = {
        "python_version": _minor(environment),
        "python_full_version": environment.python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return Marker(marker.removeprefix(" ; ")).evaluate(python)
