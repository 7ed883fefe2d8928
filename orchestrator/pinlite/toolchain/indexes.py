"""Packages that PyPI does not have: builds with a local version, like torch 2.13.0+cpu, which it takes of nobody.

They are looked up where the user's pip looks, then in the index that the image names. Everything else comes from PyPI,
or what stands for it, alone.
"""

import json
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pinlite.machine import pip_settings, uv
from pinlite.machine.pip_settings import Place
from pinlite.toolchain.bases import Base

_LOCAL = re.compile(r"(?m)^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+\+[^\s;\\]+)")
ELSEWHERE = "a folder or an index that pip is told of (`PIP_FIND_LINKS`, `PIP_EXTRA_INDEX_URL`, pip.conf) may have it"

# What tells uv where to find packages, and these alone.
_PROJECT = """\
[project]
name = "places"
version = "0"
dependencies = {packages}
[[tool.uv.index]]
name = "beside"
url = {url}
format = "{form}"
explicit = true
[tool.uv.sources]
{sources}
"""


def local_versions(requirements: str) -> list[str]:
    """The requirements, NAME==VERSION, that PyPI can't have."""
    return list(dict.fromkeys(f"{found['name']}=={found['version']}" for found in _LOCAL.finditer(requirements)))


def beside(requirements: str, index: str, base: Base, folder: Path) -> list[Path]:
    """What uv reads beside requirements, to find those that PyPI does not have; ``folder`` is for that file.

    ``index`` is the image's own, "" where it names none. The first place that has all of them is taken; if none has,
    the last one, so that uv says what is missing there.
    """
    packages = local_versions(requirements)
    known = [*pip_settings.places(), *([Place(index)] if index else [])]
    if not packages or not known:
        return []
    project = folder / "pyproject.toml"
    for place in known:
        _write(project, packages, place)
        if place == known[-1] or _lists(project, base):
            break
    return [project]


def files(project: Path, base: Base) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The wheels, as pylock.toml has them, of each package in a file that `beside` has written; uv.UvError else."""
    listed = uv.run(
        *("pip", "compile", "--quiet", "--no-deps", "--no-header", "--generate-hashes", "--format", "pylock.toml"),
        *("--python", sys.executable, "--no-python-downloads", "--only-binary", ":all:"),
        *("--python-version", base.python, "--python-platform", base.wheels),
        project,
    )
    return {each["name"]: each.get("wheels", ()) for each in tomllib.loads(listed).get("packages", ())}


def _lists(project: Path, base: Base) -> bool:
    try:
        return bool(files(project, base))
    except uv.UvError:
        return False


def _write(project: Path, packages: Sequence[str], place: Place) -> None:
    names = (package.partition("==")[0] for package in packages)
    project.write_text(
        _PROJECT.format(
            packages=json.dumps(packages),
            url=json.dumps(place.url),
            form="flat" if place.flat else "simple",
            sources="\n".join(f'{name} = {{ index = "beside" }}' for name in names),
        )
    )
