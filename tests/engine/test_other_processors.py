"""What runs programs for another processor in the docker engine, and what becomes of a worker that hangs there."""

import contextlib
import time
from dataclasses import replace

import docker
import pytest
from probes import BASE, RUNS, Probe, ask, recipe, traces

from pinlite.engine import Job
from pinlite.errors import NoEngineError, StageTimeoutError
from pinlite.events import ignore
from pinlite.machine import emulation
from pinlite.schema.recipe import Limits
from pinlite.toolchain import bases

ARM = bases.load()["python-3.11-arm64"]


@pytest.fixture(scope="module")
def emulating(docker_engine):
    """The docker engine, where it runs programs for Arm by qemu-user."""
    try:
        found = docker_engine.emulator(ARM.platform)
    except NoEngineError as error:
        pytest.skip(f"{error}; {error.hint}")
    if not found.startswith("qemu-user "):
        pytest.skip(f"{ARM.platform} by {found}")
    return docker_engine


def there() -> tuple[list[str], list[str]]:
    """The IDs of all images and containers."""
    with contextlib.closing(docker.from_env()) as client:
        images, containers = client.api.images(all=True), client.api.containers(all=True)
    return sorted(each["Id"] for each in images), sorted(each["Id"] for each in containers)


def test_its_own_programs_are_run_by_its_processor(docker_engine):
    assert docker_engine.emulator(docker_engine.platform) == emulation.NATIVE


def test_what_it_has_no_emulator_for_is_refused_before_anything_is_built(docker_engine, monkeypatch):
    monkeypatch.setitem(emulation.MACHINES, "linux/none", (0x4242, b""))
    elsewhere = replace(recipe("probe-elsewhere"), base=replace(BASE, name="elsewhere", platform="linux/none"))
    before, built = there(), []
    with pytest.raises(NoEngineError, match="the Docker engine runs no programs for linux/none: no emulator") as raised:
        docker_engine.ensure([recipe("probe-unbuilt"), elsewhere], built.append)
    assert "--install none" in raised.value.hint
    assert (there(), built) == (before, [])


def test_an_emulator_is_asked_for_its_version(emulating):
    before = there()
    assert emulating.emulator(ARM.platform).removeprefix("qemu-user ")[0].isdigit()
    assert there() == before


@pytest.mark.nightly
def test_a_worker_that_hangs_in_an_emulator_ends_with_its_container(emulating, tmp_path):
    """`pinlite images base python-3.11-arm64` has to be done before."""
    if emulating.base(ARM) is None:
        pytest.skip(f"there is no {ARM.name}: {bases.command(ARM)}")
    wanted = replace(recipe("probe-arm64"), base=ARM)
    image = emulating.ensure([wanted], ignore)[wanted.name]
    limits = Limits(memory=256 * 1024**2, timeout=20, processes=64)
    run = f"{RUNS}-arm64"
    probe = Probe(emulating, image, Job(image, "probe", tmp_path / "job", tmp_path / "log", run, limits))
    try:
        with probe.start() as worker:
            worker.ready()
            assert len(traces(emulating, run)) == 1
            started = time.monotonic()
            with pytest.raises(StageTimeoutError, match=r"no answer within 20 s(.|\n)*hanging"):
                ask(worker, "hang")
            assert time.monotonic() - started < 30
            assert traces(emulating, run) == []
    finally:
        emulating.remove_image(image)
