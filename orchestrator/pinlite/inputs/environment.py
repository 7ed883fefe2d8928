"""The user's own Python environment, as its interpreter tells what is installed in it."""

import os
import re
import subprocess
from pathlib import Path

from pydantic import ValidationError

from pinlite import digest, trust
from pinlite.errors import UsageError
from pinlite.machine import folders, processor, temporary
from pinlite.schema.environment import Environment
from pinlite.schema.frozen import Frozen

_PROGRAM = folders.IMAGES / "programs" / "stagekit" / "installed.py"
# In seconds. Some hundred packages on a slow disk take a few.
_PATIENCE = 120
_OLDEST = (3, 8)


class _Distribution(Frozen):
    version: str
    content: str


class _Said(Frozen):
    """What `_PROGRAM` prints."""

    python: str
    implementation: str
    machine: str
    distributions: dict[str, _Distribution]
    folders: tuple[str, ...]


def read(path: Path) -> Environment:
    """The environment of an interpreter, or in a folder that has one as bin/python.

    Its start-up code runs: that of its .pth files and of sitecustomize.

    Raises:
        UsageError: There is no interpreter, it does not start, or it has no torch.
    """
    from packaging.utils import canonicalize_name  # noqa: PLC0415  # takes time to import

    interpreter = _interpreter(path)
    said = _asked(interpreter)
    packages = {str(canonicalize_name(name)): each.version for name, each in said.distributions.items()}
    if said.implementation != "CPython" or _numbers(said.python) < _OLDEST:
        raise UsageError(
            f"--python {path} is {said.implementation} {said.python}",
            hint=f"give an environment of CPython {'.'.join(map(str, _OLDEST))} or later",
        )
    if "torch" not in packages:
        raise UsageError(
            f"--python {path}: torch is not installed there",
            hint=f"give the environment that your model runs in, or install it: {interpreter} -m pip install torch",
        )
    contents = {str(canonicalize_name(name)): each.content for name, each in said.distributions.items()}
    return Environment(
        interpreter=interpreter,
        python=said.python,
        platform=processor.platform_of(said.machine),
        packages=dict(sorted(packages.items())),
        content=digest.of_json({"python": said.python, "packages": packages, "of": contents, "also": said.folders}),
    )


def surroundings() -> dict[str, str]:
    """What a process in the user's own environment gets of this one's: all but what moves Python's paths, and the key
    that signs, so that tokens, proxies and the folders of downloads are there. No bytecode is written there.
    """
    left_out = ("PYTHON", "VIRTUAL_ENV", trust.SIGNING)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


def _interpreter(path: Path) -> Path:
    """Absolute, but with its links: they say to which environment it belongs."""
    found = (path / "bin" / "python" if path.is_dir() else path).absolute()
    if not found.is_file() or not os.access(found, os.X_OK):
        what = "has no bin/python" if path.is_dir() else "is no interpreter" if path.exists() else "does not exist"
        raise UsageError(f"--python {path} {what}", hint="give the folder of an environment, e.g. --python .venv")
    return found


def _asked(interpreter: Path) -> _Said:
    try:
        with temporary.folder() as folder:
            done = subprocess.run(
                [interpreter, "-"],
                input=_PROGRAM.read_bytes(),
                capture_output=True,
                check=False,
                timeout=_PATIENCE,
                cwd=folder,
                env=surroundings(),
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _silent(interpreter, str(error)) from error
    try:
        return _Said.model_validate_json(done.stdout)
    except ValidationError as error:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise _silent(interpreter, said[-1] if said else f"it ends with status {done.returncode}") from error


def _silent(interpreter: Path, why: str) -> UsageError:
    return UsageError(
        f"--python {interpreter} does not say what is installed: {why}",
        hint=f"see whether it starts: {interpreter} -c 'import torch'",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
