"""The Docker engine stops, restarts or hangs in the middle of a stage: a clear error, soon, and the next run works."""

import contextlib
import signal
import socket
import threading
import time
from dataclasses import replace

import pytest
from probes import ask, recipe, result

from pinlite.engine.docker import DockerEngine, removal
from pinlite.errors import NoEngineError, StageCrashError

SOON = 45


def left_in(daemon):
    """The containers and volumes of runs, in the order in which they can be removed."""
    labelled = {"label": "pinlite.run"}
    with contextlib.closing(daemon.client()) as client:
        found = [(removal.container, entry["Id"]) for entry in client.api.containers(all=True, filters=labelled)]
        volumes = client.api.volumes(filters=labelled)["Volumes"] or ()
        return found + [(removal.volume, entry["Name"]) for entry in volumes]


def in_a_moment(do):
    timer = threading.Timer(1, do)
    timer.start()
    return timer


def works_again(daemon, job):
    """Whatever is left goes as a next run has it go: this process is alive, so what it owns is not a leftover yet."""
    end = time.monotonic() + SOON
    while left := left_in(daemon):
        # A daemon that goes on does what it was asked to do while it hung.
        assert time.monotonic() < end
        with contextlib.closing(daemon.client()) as client:
            for remove, name in left:
                remove(client.api, name)
    with DockerEngine().start(replace(job, folder=job.folder.with_name("again"))) as worker:
        assert result(worker, "echo", number=1) == {"number": 1}
    assert left_in(daemon) == []


def refused(engine, job):
    with pytest.raises(StageCrashError, match="can't be started"):
        engine.start(job)


class Passage:
    """The daemon by another socket, which never answers a request whose path ends in ``held_back``."""

    def __init__(self, daemon, path, held_back):
        self.host = f"unix://{path}"
        self.held = threading.Event()
        self._daemon = daemon.host.removeprefix("unix://")
        self._held_back = held_back.encode()
        self._sockets = [socket.socket(socket.AF_UNIX)]
        self._sockets[0].bind(str(path))
        self._sockets[0].listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._sockets[0].accept()
                daemon = socket.socket(socket.AF_UNIX)
                self._sockets += [client, daemon]
                daemon.connect(self._daemon)
                for pair in ((client, daemon), (daemon, client)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source, to):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                path = data.partition(b" HTTP/1.1\r\n")[0].partition(b"?")[0]
                if path.startswith(b"POST ") and path.endswith(self._held_back):
                    self.held.set()
                    return
                to.sendall(data)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_stops_during_a_stage(daemon, engine, image, job, number):
    started = time.monotonic()
    with engine.start(job) as worker:
        worker.ready()
        stopping = in_a_moment(lambda: daemon.stop(number))
        with pytest.raises(StageCrashError) as caught:
            ask(worker, "hang")
        stopping.join()
    assert time.monotonic() - started < SOON
    # It may have had the time to end the container first.
    assert any(words in str(caught.value) for words in ("the Docker engine lost", "signal", "does not answer"))
    with pytest.raises(NoEngineError, match="no Docker engine answers"):
        DockerEngine()
    with pytest.raises(NoEngineError, match="no Docker engine answers"):
        engine.find([recipe(image.name)])
    daemon.start()
    works_again(daemon, job)


def test_a_daemon_that_hangs_during_a_stage(daemon, engine, job):
    started = time.monotonic()
    try:
        with engine.start(job) as worker:
            worker.ready()
            in_a_moment(lambda: daemon.send(signal.SIGSTOP)).join()
            with pytest.raises(StageCrashError, match="the Docker engine does not answer any more") as caught:
                ask(worker, "hang")
        assert "docker version" in caught.value.hint
        assert time.monotonic() - started < SOON
        with pytest.raises(NoEngineError, match="no Docker engine answers"):
            DockerEngine()
        with pytest.raises(NoEngineError, match="no Docker engine answers"):
            engine.leftovers()
        with pytest.raises(StageCrashError, match="can't be started"):
            engine.start(job)
        assert time.monotonic() - started < 2 * SOON
    finally:
        daemon.send(signal.SIGCONT)
    works_again(daemon, job)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("call", ["create", "attach", "start"])
def test_a_daemon_that_hangs_while_a_worker_is_started(daemon, job, monkeypatch, tmp_path_factory, call):
    with Passage(daemon, tmp_path_factory.mktemp("passage") / "socket", f"/{call}") as passage:
        with monkeypatch.context() as there:
            there.setenv("DOCKER_HOST", passage.host)
            starting = threading.Thread(target=refused, args=(DockerEngine(), job), daemon=True)
        starting.start()
        starting.join(SOON)
        assert passage.held.is_set()
        assert not starting.is_alive()
    works_again(daemon, job)


def test_a_moment_of_standing_still_is_no_failure(daemon, engine, job):
    with engine.start(job) as worker:
        worker.ready()
        daemon.send(signal.SIGSTOP)
        in_a_moment(lambda: daemon.send(signal.SIGCONT))
        assert result(worker, "echo", number=2) == {"number": 2}
    assert left_in(daemon) == []


def test_an_image_that_is_removed_while_it_is_used(daemon, engine, image, job):
    """What runs goes on; what would start says so."""
    with contextlib.closing(daemon.client()) as client, engine.start(job) as worker:
        worker.ready()
        client.images.get(image.reference).tag("kept/probe", "kept")
        client.images.remove(image.reference, force=True)
        try:
            assert result(worker, "echo", number=3) == {"number": 3}
            assert engine.find([recipe(image.name)]) == {}
            with pytest.raises(StageCrashError, match="can't be started"):
                engine.start(replace(job, folder=job.folder.with_name("other")))
        finally:
            client.images.get("kept/probe:kept").tag(*image.reference.split(":"))
            client.images.remove("kept/probe:kept")
    works_again(daemon, job)
