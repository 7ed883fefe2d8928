"""The engines that are here, with the probe's image."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from probes import RUNS, traces

from pinlite.engine import Engine, VenvEngine, warm
from pinlite.engine.docker import DockerEngine
from pinlite.events import ignore

pytest.register_assert_rewrite("runner_conformance")

from runner_conformance import RECIPE  # noqa: E402  # its assertions have been registered


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", str(cache))


def _with_probe(engine: Engine, cache: Path) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PINLITE_CACHE", str(cache))
        image = engine.ensure([RECIPE], ignore)[RECIPE.name]
        yield engine
        warm.end()
        engine.remove_image(image)


@pytest.fixture(scope="session")
def docker(docker_engine, cache) -> Iterator[DockerEngine]:
    yield from _with_probe(docker_engine, cache)


@pytest.fixture(scope="session")
def venv(cache) -> Iterator[VenvEngine]:
    yield from _with_probe(VenvEngine(), cache)


@pytest.fixture
def run_id(monkeypatch) -> Callable[[Engine], None]:
    """Have the runs of a test be called as no other's are; given an engine, see that they have left nothing in it."""
    name = f"{RUNS}-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr("pinlite.runner.local.new_run_id", lambda: name)

    def nothing_is_left(engine: Engine) -> None:
        assert traces(engine, name) == []

    return nothing_is_left
