"""The packages of ``--with``, from their text."""

import os
import re
from collections.abc import Mapping
from os import fspath
from pathlib import Path
from typing import Any

from pinlite.errors import UsageError
from pinlite.inputs.paths import WHEEL, existing
from pinlite.schema.recipe import Requirements
from pinlite.toolchain import Toolchain, days

_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_ADDRESS = re.compile(r"^(git\+|\w+://)|://|\s@\s|^[\w.-]+@[\w.-]+:")
# Of an address of a repository: what git takes, and the version behind it.
_REPOSITORY = re.compile(r"(?:^|\s@\s)(?:git\+)?(?P<url>[^\s#]+?)(?:@(?P<version>[^/@:#\s]+))?(?:#\S*)?$")
_ARCHIVES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
_FORMS = "name one version, e.g. --with timm==0.4.12; or give a wheel, a package's folder or ./requirements.txt"
_ANY = "any"


def requirements_of(options: Mapping[str, Any], chosen: Toolchain) -> Requirements:
    """What ``--with`` and ``--with-before`` say, by a toolchain's own day; a UsageError says what is wrong with it."""
    texts = [fspath(text) for text in options["requirements"]]
    paths = [_path(text) for text in texts if names_a_path(text)]
    pinned = [text for text in texts if not names_a_path(text)]
    for text in pinned:
        check_requirement(text)
    before = options.get("requirements_before")
    if before is None:
        before = chosen.date
    elif not texts:
        raise UsageError("--with-before: there is no --with", hint="leave it out, or add packages by --with")
    before = "" if before == _ANY else before and days.checked("--with-before", before)
    return Requirements(pinned=tuple(pinned), paths=tuple(paths), before=before if texts else "")


def names_a_path(text: str) -> bool:
    """Whether it says where a package is, and not what it is called."""
    is_local = not (text.startswith("-") or _ADDRESS.search(text) or "==" in text.rpartition("/")[2])
    return is_local and ("/" in text or text in (".", "..") or text.endswith((WHEEL, ".txt", *_ARCHIVES)))


def as_path(path: str) -> str:
    """A path in such words that it is known for one."""
    return path if names_a_path(path) else f"./{path}"


def check_requirement(requirement: str) -> None:
    """Refuse what is not NAME==VERSION with a UsageError: an open version is another environment every week."""
    if _PINNED.fullmatch(requirement):
        return
    hint = _FORMS
    if _ADDRESS.search(requirement):
        hint = f"addresses are not followed: {_fetched(requirement)}; or {_FORMS}"
    elif requirement.startswith("-"):
        hint = f"give the file by itself: --with ./requirements.txt; or {_FORMS}"
    elif os.path.isdir(requirement):  # noqa: PTH112  # of a text that can be no path it says so
        hint = f"--with ./{requirement} gives the folder; or {_FORMS}"
    raise UsageError(f"--with {requirement!r} is not a pinned requirement", hint=hint)


def _fetched(address: str) -> str:
    """How what is at an address becomes a folder or a wheel."""
    found = _REPOSITORY.search(address)
    name = found["url"].rstrip("/").rpartition("/")[2].removesuffix(".git") if found else ""
    if not found or not name or found["url"].endswith((WHEEL, *_ARCHIVES)):
        return "download it, and give the wheel, or the folder that it unpacks to"
    branch = f" --branch {found['version']}" if found["version"] else ""
    return f"git clone{branch} {found['url']}, and give the folder: --with ./{name}"


def _path(text: str) -> Path:
    from pinlite.inputs import packages  # noqa: PLC0415  # takes time to import

    path = Path(text)
    if text.endswith(_ARCHIVES):
        raise UsageError(f"--with {text} is an archive of a source", hint="unpack it, and give the folder")
    if path.is_dir():
        packages.of_folder(path)
        return path
    found = existing("--with", text)
    assert found, "it has a text"
    if path.suffix == WHEEL:
        packages.of_wheel(path)
    return found
