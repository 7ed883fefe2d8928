"""Which engine a run gets, and how long it waits for one."""

import socket
import threading
import time

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


def test_docker_that_is_not_there_is_not_waited_for(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    told = []
    with pytest.raises(NoEngineError):
        choose("docker", told.append)
    assert told == []


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
