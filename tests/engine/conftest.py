"""Every engine that is here, with the probe's image made."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from probes import RUNS, Probe, recipe, traces

from pinlite.engine import ENGINES, Engine, Image, Job
from pinlite.events import ignore
from pinlite.schema.recipe import Limits


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", str(cache))


@pytest.fixture(scope="session")
def made(cache, request) -> Callable[[str], tuple[Engine, Image]]:
    """An engine by its name, with the probe's image; made when first asked for, and removed in the end."""
    there: dict[str, tuple[Engine, Image]] = {}

    def make(name: str) -> tuple[Engine, Image]:
        if name not in there:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PINLITE_CACHE", str(cache))
                engine = request.getfixturevalue("docker_engine") if name == "docker" else ENGINES[name]()
                there[name] = engine, engine.ensure([recipe()], ignore)["probe"]
        return there[name]

    yield make
    for engine, image in there.values():
        assert traces(engine, RUNS) == []
        engine.remove_image(image)


@pytest.fixture
def probe_of(made, tmp_path) -> Callable[[str], Probe]:
    def of(name: str) -> Probe:
        engine, image = made(name)
        run = f"{RUNS}-{uuid.uuid4().hex[:8]}"
        limits = Limits(memory=256 * 1024**2, timeout=60, processes=64)
        job = Job(image, "probe", folder=tmp_path / "job", log=tmp_path / "log", run=run, limits=limits)
        return Probe(engine, image, job)

    return of


@pytest.fixture(params=[*ENGINES])
def probe(request, probe_of) -> Probe:
    """The probe in each engine: what a test with it asks holds for all of them. It leaves nothing behind."""
    probe = probe_of(request.param)
    yield probe
    assert probe.traces() == []


@pytest.fixture
def docker_probe(probe_of) -> Probe:
    probe = probe_of("docker")
    yield probe
    assert probe.traces() == []


@pytest.fixture
def venv_probe(probe_of) -> Probe:
    probe = probe_of("venv")
    yield probe
    assert probe.traces() == []
