"""Which engine a run gets, and how long it waits for one."""

import grp
import os
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from pinlite.engine import VenvEngine, choose
from pinlite.errors import NoEngineError
from pinlite.events import Notice

SOCKET = "/var/run/docker.sock"


@pytest.fixture
def sock(tmp_path, monkeypatch):
    """A socket that nobody listens on, as of a daemon that is being restarted."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    return path


def test_docker_by_name_is_asked_again_while_it_starts(sock, docker_engine):
    def start():
        time.sleep(0.3)
        sock.unlink()
        sock.symlink_to(SOCKET)

    starting = threading.Thread(target=start)
    starting.start()
    told = []
    engine = choose("docker", told.append)
    starting.join()
    assert engine.version() == docker_engine.version()
    assert [type(event) for event in told] == [Notice]
    assert told[0].text.endswith("; tried again in 1 s")


@pytest.mark.usefixtures("sock")
def test_docker_that_does_not_come_is_no_engine(monkeypatch):
    monkeypatch.setattr("pinlite.machine.retries.PAUSES", (0.01, 0.02))
    told = []
    with pytest.raises(NoEngineError):
        choose("docker", told.append)
    assert len(told) == 2


@pytest.mark.usefixtures("sock")
def test_auto_says_why_it_is_not_docker():
    told = []
    assert isinstance(choose("auto", told.append), VenvEngine)
    (notice,) = told
    assert "no Docker engine answers: " in notice.text
    assert notice.text.endswith("Connection refused')), so the venv engine runs the stages")


@pytest.mark.parametrize("host", ["unix:///nowhere", "tcp://nowhere.invalid:2375", "nowhere", "ssh://nowhere"])
def test_an_address_at_which_nothing_can_come_is_asked_once(monkeypatch, host):
    monkeypatch.setenv("DOCKER_HOST", host)
    told = []
    with pytest.raises(NoEngineError, match="no Docker engine answers: ") as caught:
        choose("docker", told.append)
    assert told == []
    assert "--engine venv" in caught.value.hint


def test_ssh_says_what_it_lacks(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@nowhere.invalid:2222")
    with pytest.raises(NoEngineError, match=r"DOCKER_HOST is ssh://me@nowhere.invalid:2222: ssh: .*nowhere") as caught:
        choose("docker")
    assert "`ssh -p 2222 me@nowhere.invalid docker version`" in caught.value.hint
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoEngineError, match="there is no ssh here"):
        choose("docker")


def test_a_socket_of_ones_own_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "docker.sock"))
    with pytest.raises(NoEngineError, match="there is no /nowhere") as caught:
        choose("docker")
    assert f"export DOCKER_HOST=unix://{tmp_path}/docker.sock" in caught.value.hint


def test_a_socket_that_one_may_not_use_is_told_at_once_with_its_group(sock, monkeypatch):
    """Another user asks, where root does, whom no permission stops."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        closed = sock.rename(Path(folder, "s"))
        closed.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{closed}")
        status, told = _as_somebody_else(lambda observe: choose("docker", observe))
        group = grp.getgrgid(closed.stat().st_gid).gr_name
    assert status == 0, told
    message, hint = told.splitlines()
    assert message == f"no Docker engine answers: you may not use {closed}, which is of the group {group}"
    assert hint.startswith(f"sudo usermod -aG {group} $USER, then log in again")
    assert "docs.docker.com/engine/security/rootless" in hint


def _as_somebody_else(call):
    """The status of a process that may do less than root, and what it was told, with the error that it ended with."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        with os.fdopen(writer, "w") as told:
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setuid(65534)
                call(lambda event: print(event, file=told))
            except NoEngineError as error:
                print(error.message, error.hint, sep="\n", file=told)
                status = 0
            except Exception as error:  # noqa: BLE001  # whatever it is, the parent asserts on it
                print(repr(error), file=told)
            finally:
                told.flush()
                os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as stream:
        told = stream.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


def test_an_engine_more_is_a_row(monkeypatch):
    def absent():
        raise NoEngineError("no podman answers", hint="start one")

    class Third(VenvEngine):
        name = "third"

    told = []
    monkeypatch.setattr("pinlite.engine.choice.ENGINES", {"podman": absent, "third": Third, "venv": VenvEngine})
    assert choose("third").name == "third"
    assert choose("auto", told.append).name == "third"
    assert [event.text for event in told] == ["no podman answers, so the third engine runs the stages"]
    with pytest.raises(NoEngineError, match="no podman answers"):
        choose("podman")
