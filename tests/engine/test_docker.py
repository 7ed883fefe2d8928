"""The sandbox, proved from inside; and what only the docker engine can get wrong."""

import contextlib
import ipaddress
import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from probes import BASE, ask, recipe, result

from pinlite.contract import Request
from pinlite.engine import VenvEngine, choose
from pinlite.engine.docker import DockerEngine
from pinlite.errors import ImageError, NoEngineError, StageCrashError
from pinlite.events import BuildProgress, Notice, ignore

NOWHERE = "192.0.2.1"  # reserved for examples: nothing is there, but a host with a network tries


@pytest.fixture
def worker(docker_probe):
    with docker_probe.start() as worker:
        yield worker


@pytest.fixture
def listener(worker):
    """The address of a server of this machine, on the network that a container has unless told otherwise."""
    worker.ready()
    with contextlib.closing(docker.from_env()) as client:
        (config, *_) = client.networks.get("bridge").attrs["IPAM"]["Config"]
    with socket.create_server(("", 0)) as server:
        address = (str(ipaddress.ip_network(config["Subnet"])[1]), server.getsockname()[1])
        socket.create_connection(address, timeout=5).close()
        yield address


def test_there_is_no_network(worker, listener):
    assert result(worker, "status")["interfaces"] == ["lo"]
    found = result(worker, "connect", addresses=[listener, (NOWHERE, 80)])
    assert len(found) == 2
    assert all("Network is unreachable" in error for error in found.values())
    assert result(worker, "resolve", name="host.docker.internal")["error"] is not None
    assert result(worker, "resolve", name="localhost")["error"] is None


def test_only_scratch_and_outputs_can_be_written(worker):
    found = result(worker, "write", folders=["/", "/in", "/etc", "/opt/pinlite", "/usr/local/lib", "/tmp", "/out"])
    refused = {folder: error for folder, error in found.items() if error}
    assert sorted(refused) == ["/", "/etc", "/in", "/opt/pinlite", "/usr/local/lib"]
    assert all("Read-only file system" in error for error in refused.values())


def test_mounts_are_strict(worker):
    mounts = result(worker, "read", path="/proc/self/mounts")["text"]
    options = {line.split()[1]: line.split()[3].split(",") for line in mounts.splitlines()}
    assert "ro" in options["/"]
    assert "ro" in options["/in"]
    assert "ro" in options["/etc/hosts"]
    assert {"nosuid", "nodev", "noexec"} <= set(options["/tmp"])


def test_it_has_no_privileges(worker):
    fields = result(worker, "status")["fields"]
    assert "0" not in fields["Uid"].split() + fields["Gid"].split()
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[capabilities], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_it_sees_nothing_of_the_host(worker):
    found = result(worker, "status")
    assert Path(found["init"]).name == "docker-init"
    assert found["processes"] == 2
    assert set(found["devices"]) <= {
        *("core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm"),
        *("stderr", "stdin", "stdout", "tty", "urandom", "zero"),
    }
    paths = ["/var/run/docker.sock", "/run/docker.sock", str(Path(__file__).parent)]
    assert not any(result(worker, "exists", paths=paths).values())


def test_its_environment_is_the_images_and_ours(worker):
    assert sorted(result(worker, "status")["environment"]) == [
        *("ATEN_CPU_CAPABILITY", "CUDA_VISIBLE_DEVICES", "HOME", "HOSTNAME", "LANG", "MKL_CBWR", "PATH", "PIP_CERT"),
        *("PYTHONHASHSEED", "PYTHONNOUSERSITE", "PYTHONPATH", "PYTHONUNBUFFERED", "TF_CPP_MIN_LOG_LEVEL"),
    ]


def test_memory_and_swap_are_limited(docker_probe, worker):
    assert result(worker, "status")["memory_limit"] == docker_probe.job.limits.memory


def test_the_daemon_keeps_nothing_of_what_is_printed(docker_probe, worker):
    worker.ready()
    with contextlib.closing(docker.from_env()) as client:
        containers = client.containers.list(filters={"label": f"pinlite.run={docker_probe.job.run}"})
        # With the one that carries files, where there is one.
        assert len(containers) == (1 if docker_probe.engine.shares_disk else 2)
        for container in containers:
            assert container.attrs["HostConfig"]["LogConfig"]["Type"] == "none"
            assert container.attrs["LogPath"] == ""


def test_scratch_counts_as_memory(worker):
    with pytest.raises(StageCrashError, match="memory"):
        ask(worker, "fill", most=2**30)


def test_scratch_has_a_size(docker_probe):
    with docker_probe.start(memory=4 * 2**30) as worker:
        found = result(worker, "fill", most=2**31)
    assert found == {"written": 2**30, "error": "No space left on device"}


def test_processes_are_limited(docker_probe):
    with docker_probe.start(processes=20) as worker:
        found = result(worker, "fork", most=100)
        assert found["error"] == "Resource temporarily unavailable"
        assert 10 < found["children"] < 20
        assert result(worker, "echo") == {}


def test_inputs_are_read_and_outputs_are_owned_by_whoever_it_runs_as(docker_probe):
    """Also where the host is root with a strict umask, and the container's user another."""
    before = os.umask(0o077)
    try:
        with docker_probe.start() as worker:
            (docker_probe.job.inputs / "file").write_text("seen")
            (docker_probe.job.inputs / "file").chmod(0o644)
            request = Request(id="a", operation="copy", inputs={"file": "file"}, outputs={"file": "a/file"})
            assert worker.request(request).error is None
            made = worker.request(Request(id="b", operation="make", outputs={"folder": "b/folder"}))
            assert made.error is None
    finally:
        os.umask(before)
    copied = docker_probe.job.outputs / "a" / "file"
    assert copied.read_text() == "seen"
    theirs = os.getuid() or 1000
    assert copied.stat().st_uid == (theirs if docker_probe.engine.shares_disk else os.getuid())
    assert (docker_probe.job.outputs / "b" / "folder" / "file").read_text() == "made"


def test_a_missing_image_is_a_crash(docker_probe):
    job = replace(docker_probe.job, image=replace(docker_probe.image, reference="pinlite/none:none"))
    with pytest.raises(StageCrashError, match="can't be started"):
        docker_probe.engine.start(job)


def test_an_image_in_use_is_not_removed(docker_probe, worker):
    worker.ready()
    with pytest.raises(ImageError, match="can't be removed") as caught:
        docker_probe.engine.remove_image(docker_probe.image)
    assert "end the runs" in caught.value.hint


def test_an_image_can_be_removed_twice(docker_engine):
    image = docker_engine.ensure([recipe("probe-twice")], ignore)["probe-twice"]
    docker_engine.remove_image(image)
    docker_engine.remove_image(image)
    assert docker_engine.find([recipe("probe-twice")]) == {}


def test_an_image_made_from_ours_is_not_ours(docker_probe):
    with contextlib.closing(docker.from_env()) as client:
        container = client.containers.create(docker_probe.image.reference)
        other = container.commit("pinlite-test/other", "latest")
        container.remove()
        try:
            assert docker_probe.image in docker_probe.engine.images()
            assert all(image.reference.startswith("pinlite/") for image in docker_probe.engine.images())
        finally:
            client.images.remove(other.tags[0])


def test_images_carry_the_oci_labels(docker_probe):
    with contextlib.closing(docker.from_env()) as client:
        labels = client.images.get(docker_probe.image.reference).labels
    assert labels["org.opencontainers.image.title"] == "pinlite/probe"
    assert labels["org.opencontainers.image.base.name"] == BASE.reference
    assert labels["org.opencontainers.image.base.digest"].startswith("sha256:")


def test_a_build_that_fails_keeps_its_log(docker_engine, cache):
    dockerfile = b"ARG BASE\nFROM ${BASE}\nRUN echo one two three && exit 9\n"
    events = []
    with pytest.raises(ImageError, match=r"the probe-failing image can't be built(.|\n)*one two three") as caught:
        docker_engine.ensure([recipe("probe-failing", Dockerfile=dockerfile)], events.append)
    (log,) = (cache / "logs" / "builds").glob("pinlite-probe-failing-*.log")
    assert str(log) in caught.value.hint
    assert "returned a non-zero code: 9" in log.read_text()
    assert max(event.step for event in events if isinstance(event, BuildProgress)) == 3


def test_a_dockerfile_that_is_none_is_an_image_error(docker_engine):
    with pytest.raises(ImageError, match=r"(?i)unknown instruction"):
        docker_engine.ensure([recipe("probe-failing", Dockerfile=b"NONSENSE\n")], ignore)


def test_without_base_and_registry_the_hint_is_make_base(docker_engine, monkeypatch):
    base = replace(BASE, reference="registry.invalid/python:3.8", local="pinlite/none:none")
    monkeypatch.setattr("pinlite.machine.retries.PAUSES", (0.1, 0.2))
    events = []
    with pytest.raises(ImageError, match=r"registry\.invalid/python:3\.8 can't be pulled") as caught:
        docker_engine.ensure([replace(recipe("probe-baseless"), base=base)], events.append)
    assert "pinlite images base" in caught.value.hint
    told = [event.text for event in events if isinstance(event, Notice)]
    assert [re.search(r"tried again in (\S+) s", text)[1] for text in told[1:]] == ["0.1", "0.2"]


def test_images_of_two_bases_are_not_mixed(docker_probe, monkeypatch):
    """What was made on a base that is gone is made again on the one that is here, all of it."""
    engine = docker_probe.engine
    if engine.base(BASE) != BASE.local:
        pytest.skip("needs the local base alone")
    base = replace(BASE, packages=())
    recipes = [replace(recipe(name), base=base) for name in ("probe", "probe-other")]
    monkeypatch.setattr(DockerEngine, "base", lambda _, base: base.local)
    found = engine.ensure(recipes, ignore)
    try:
        assert sorted(found) == ["probe", "probe-other"]
        assert found["probe"] != docker_probe.image
        assert engine.find(recipes) == found
    finally:
        for image in found.values():
            engine.remove_image(image)


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_no_engine(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(NoEngineError, match="no Docker engine answers") as caught:
        choose("docker")
    assert "https://docs.docker.com/engine/install" in caught.value.hint
    assert isinstance(choose("auto"), VenvEngine)
    assert isinstance(choose("venv"), VenvEngine)


def test_docker_is_chosen_where_it_answers(docker_engine):
    for choice in ("auto", "docker"):
        engine = choose(choice)
        assert isinstance(engine, DockerEngine)
        assert engine.version() == docker_engine.version()
