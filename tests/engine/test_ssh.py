"""An engine at an address of ssh://: a real sshd of this machine leads to one that does not see our files."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import ssh_server
from held import until
from probes import result

from pinlite.contract import Request
from pinlite.engine.docker import DockerEngine
from pinlite.errors import NoEngineError


@pytest.fixture(scope="module")
def server():
    with ssh_server.running() as server:
        yield server


@pytest.fixture
def host(server, monkeypatch):
    """Its address, without a socket."""
    monkeypatch.setenv("PATH", server.path)
    return server.address


def tunnels():
    """The processes that forward a socket of pinlite's."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"docker.sock:" in command.read_bytes():
                found.append(int(command.parent.name))
    return found


def test_a_worker_is_reached_by_ssh(host, away, probe_of, monkeypatch):
    job = probe_of("docker elsewhere").job
    with monkeypatch.context() as there:
        there.setenv("DOCKER_HOST", f"{host}{away.socket}")
        engine = DockerEngine()
    assert not engine.shares_disk
    (job.inputs / "a").mkdir(parents=True)
    (job.inputs / "a" / "in").write_bytes(bytes(3 * 2**20))
    # As many at once as a conversion has, whose connections all stay.
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(engine.start(replace(job, log=job.log.with_suffix(f".{n}")))) for n in range(8)]
        for number, worker in enumerate(workers):
            assert result(worker, "echo", number=number) == {"number": number}
        request = Request(id="a", operation="copy", inputs={"file": "a/in"}, outputs={"file": "a/out"})
        assert workers[0].request(request).error is None
    assert (job.outputs / "a" / "out").read_bytes() == bytes(3 * 2**20)
    assert engine.leftovers() == []
    there = tunnels()
    assert there
    del engine, worker, workers, stack
    until(lambda: not set(there) & set(tunnels()))


def test_temporary_files_may_lie_deep(host, away, monkeypatch, tmp_path):
    """Deeper than the name of a socket may be long."""
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    monkeypatch.setenv("DOCKER_HOST", f"{host}{away.socket}")
    assert DockerEngine().version()


def test_who_forwards_ends_with_a_process_that_is_killed(host, away):
    code = "from pinlite.engine.docker import DockerEngine; engine = DockerEngine(); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"DOCKER_HOST": f"{host}{away.socket}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"\n"
        assert tunnels()
        process.send_signal(signal.SIGKILL)
    until(lambda: not tunnels())


def test_an_engine_that_sees_our_files_gets_mounts_by_ssh_too(host, docker_engine, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", host)
    engine = DockerEngine()
    assert engine.version() == docker_engine.version()
    assert engine.shares_disk


def test_a_socket_that_is_not_there_is_told(host, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"{host}/nowhere/docker.sock")
    started = time.monotonic()
    with pytest.raises(NoEngineError, match=r"DOCKER_HOST is ssh://.*/nowhere/docker.sock: ") as caught:
        DockerEngine()
    assert time.monotonic() - started < 30
    assert "docker version`" in caught.value.hint
    assert tunnels() == []


def test_a_server_that_refuses_is_told_in_its_words(host, server, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", host)
    keys = server.keys.rename(server.keys.with_name("no.pub"))
    try:
        with pytest.raises(NoEngineError, match="Permission denied"):
            DockerEngine()
    finally:
        keys.rename(server.keys)
