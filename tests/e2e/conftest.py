"""Engines with their images made, models of every kind in files, and conversions that tests share."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import NETWORK, Command
from recipes import ensured

from pinlite import toolchain
from pinlite.engine import ENGINES, Engine, Image, VenvEngine, interpreter
from pinlite.errors import ImageError

HERE = Path(__file__).parent


def _engine(name: str, request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue("docker_engine" if name == "docker" else "venv_engine")


@pytest.fixture(scope="session")
def venv_engine() -> VenvEngine:
    """The venv engine. Where there is no CPython for it, CI fails; elsewhere its tests are skipped, and say so."""
    try:
        for recipe in toolchain.load().recipes:
            interpreter.find_or_make(recipe.base.python)
    except ImageError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    return VenvEngine()


@pytest.fixture(scope="session", params=[*ENGINES])
def engine(request) -> str:
    """Each engine by its name, with its images: what a test with it asks holds for both."""
    ensured(_engine(request.param, request))
    return request.param


@pytest.fixture(scope="session")
def any_engine(request) -> str:
    """One engine, for what doesn't depend on which."""
    ensured(_engine("venv", request))
    return "venv"


@pytest.fixture
def pinlite(tmp_path) -> Iterator[Command]:
    command = Command(tmp_path / "here")
    yield command
    command.stop()


@pytest.fixture(scope="session")
def converted(tmp_path_factory) -> Callable[..., Path]:
    """The folder that a conversion wrote; the same question is not asked twice."""
    there: dict[tuple[object, ...], Path] = {}

    def convert(*arguments: object, run: int = 1) -> Path:
        if (run, *arguments) not in there:
            here = tmp_path_factory.mktemp("conversion")
            Command(here).succeeds("convert", *arguments, "--out", here / "out")
            there[run, *arguments] = here / "out"
        return there[run, *arguments]

    return convert


@pytest.fixture(scope="session")
def network(converted, any_engine) -> Path:
    """What the small network was converted to."""
    return converted(*NETWORK, "--engine", any_engine)


@pytest.fixture(scope="session")
def environments(venv_engine) -> dict[str, Image]:
    """By what stages call them."""
    return ensured(venv_engine)


@pytest.fixture(scope="session")
def checkpoints(environments, tmp_path_factory) -> Path:
    """What make_checkpoints.py writes."""
    return made("make_checkpoints.py", environments["torch"], tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="session")
def saved_model(environments, tmp_path_factory) -> Path:
    """A SavedModel as TensorFlow's users save theirs."""
    return made("make_saved_model.py", environments["tensorflow"], tmp_path_factory.mktemp("tensorflow") / "model")


def made(script: str, image: Image, folder: Path) -> Path:
    python = Path(image.reference, "environment", "bin", "python")
    subprocess.run([python, HERE / script, folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def report() -> Callable[[Path], dict]:
    """The report of an output folder."""
    return lambda folder: json.loads((folder / "report.json").read_text())
