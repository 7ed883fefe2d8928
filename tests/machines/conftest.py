"""A Docker engine of the tests' own, with the probe's image in it."""

from collections.abc import Iterator

import pytest
from command import Command
from probes import RUNS, recipe
from second_engine import Daemon, started

from pinlite import toolchain
from pinlite.engine import Image, Job
from pinlite.engine.docker import DockerEngine
from pinlite.events import ignore
from pinlite.schema.recipe import Limits

RECIPE = recipe("probe-machines")


@pytest.fixture(scope="session")
def daemon(docker_engine) -> Iterator[Daemon]:
    with started() as daemon:
        recipes = [RECIPE, *toolchain.load().recipes]
        found = docker_engine.ensure(recipes, ignore)
        references = [
            *map(docker_engine.base, {recipe.base.name: recipe.base for recipe in recipes}.values()),
            *(image.reference for image in found.values()),
        ]
        daemon.load(references)
        docker_engine.remove_image(found[RECIPE.name])
        yield daemon


@pytest.fixture(params=["mounts", pytest.param("archives", marks=pytest.mark.nightly)])
def engine(request, daemon, monkeypatch) -> DockerEngine:
    """A client of that engine that waits for ten seconds, not for a minute; its files go by either way."""
    monkeypatch.setenv("DOCKER_HOST", daemon.host)
    monkeypatch.setattr(DockerEngine, "shares_disk", request.param == "mounts")
    monkeypatch.setattr("pinlite.engine.docker.PATIENCE", 10)
    monkeypatch.setattr("pinlite.engine.process.BETWEEN_CHECKS", 0.5)
    return DockerEngine()


@pytest.fixture
def image(engine) -> Image:
    return engine.find([RECIPE])[RECIPE.name]


@pytest.fixture
def job(image, tmp_path) -> Job:
    limits = Limits(memory=256 * 1024**2, timeout=120, processes=64)
    return Job(image, "probe", folder=tmp_path / "job", log=tmp_path / "log", run=RUNS, limits=limits)


@pytest.fixture
def pinlite(docker_engine, tmp_path) -> Iterator[Command]:
    """The command, on the machine's own engine."""
    docker_engine.ensure(toolchain.load().recipes, ignore)
    command = Command(tmp_path / "here")
    yield command
    command.stop()
