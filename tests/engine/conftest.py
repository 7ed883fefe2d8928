"""Every engine that is here, with the probe's image made, and one of docker that does not see our files."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from elsewhere import Elsewhere, load, running
from probes import BASE, RUNS, Probe, recipe, traces

from pinlite.engine import ENGINES, Engine, Image, Job
from pinlite.engine.docker import DockerEngine
from pinlite.events import ignore
from pinlite.schema.recipe import Limits

ELSEWHERE = "docker elsewhere"
# What CI has time for of the tests in it: those that may fail by the way that files go.
IN_CI = {
    "test_a_sparse_file_counts_as_what_it_claims_to_hold",
    "test_files_go_in_and_out",
    "test_files_without_end_end_the_worker",
    "test_inputs_are_read_and_outputs_are_owned_by_whoever_it_runs_as",
    "test_it_can_be_stopped_twice_and_at_once",
    "test_memory_and_swap_are_limited",
    "test_mounts_are_strict",
    "test_nothing_of_a_run_is_there_for_the_next",
    "test_only_scratch_and_outputs_can_be_written",
    "test_there_is_no_network",
    "test_what_a_killed_run_left_is_found_and_removed",
    "test_what_it_writes_has_a_limit",
    "test_workers_start_and_stop_in_parallel",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ELSEWHERE in item.name and item.originalname not in IN_CI:
            item.add_marker(pytest.mark.nightly)


@pytest.fixture(scope="session")
def away(docker_engine) -> Iterator[Elsewhere]:
    """An engine that does not see this machine's files, with the probe's base."""
    with running() as there:
        load(there.address, docker_engine, [BASE])
        yield there


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
        if name == ELSEWHERE:
            return request.getfixturevalue("made_elsewhere")
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


@pytest.fixture(scope="session")
def made_elsewhere(cache, away) -> Iterator[tuple[Engine, Image]]:
    """The same where files are carried."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PINLITE_CACHE", str(cache))
        patch.setenv("DOCKER_HOST", away.address)
        engine = DockerEngine()
        assert not engine.shares_disk
        image = engine.ensure([recipe()], ignore)["probe"]
    yield engine, image
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", away.address)
        assert traces(engine, RUNS) == []
    engine.remove_image(image)


@pytest.fixture
def probe_of(made, request, monkeypatch, tmp_path) -> Callable[[str], Probe]:
    def of(name: str) -> Probe:
        engine, image = made(name)
        if name == ELSEWHERE:
            monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("away").address)
        run = f"{RUNS}-{uuid.uuid4().hex[:8]}"
        limits = Limits(memory=256 * 1024**2, timeout=60, processes=64)
        job = Job(image, "probe", folder=tmp_path / "job", log=tmp_path / "log", run=run, limits=limits)
        return Probe(engine, image, job)

    return of


@pytest.fixture(params=[*ENGINES, ELSEWHERE])
def probe(request, probe_of) -> Probe:
    """The probe in each engine: what a test with it asks holds for all of them. It leaves nothing behind."""
    probe = probe_of(request.param)
    yield probe
    assert probe.traces() == []


@pytest.fixture(params=["docker", ELSEWHERE])
def docker_probe(request, probe_of) -> Probe:
    probe = probe_of(request.param)
    yield probe
    assert probe.traces() == []


@pytest.fixture
def venv_probe(probe_of) -> Probe:
    probe = probe_of("venv")
    yield probe
    assert probe.traces() == []
