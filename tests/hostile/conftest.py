"""What hostile code aims at on this machine, and pinlite as a user runs it on what a stranger wrote."""

import base64
import contextlib
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import carriers
import docker
import pytest
from command import Command
from recipes import ensured

from pinlite import toolchain
from pinlite.events import ignore
from pinlite.runner.local import new_run_id
from pinlite.runner.workers import Workers
from pinlite.schema.recipe import Limits

ENTRY = (str(Path(__file__).parent / "entry.py"),)


@pytest.fixture(scope="session", autouse=True)
def _images(docker_engine):
    docker_engine.ensure(toolchain.load().recipes, ignore)


@pytest.fixture
def pinlite(tmp_path) -> Iterator[Command]:
    (tmp_path / "here").mkdir()
    command = Command(tmp_path / "here")
    yield command
    command.stop()


@pytest.fixture(scope="module")
def workers(docker_engine):
    found = ensured(docker_engine)
    limits = Limits(memory=2 * 1024**3, timeout=20, disk=2**30)
    with Workers(docker_engine.start, found, limits, run=new_run_id()) as workers:
        yield workers


@pytest.fixture(scope="session")
def program(docker_engine) -> dict[str, bytes]:
    """The entries of an honest .pt2 file, by name."""
    image = ensured(docker_engine, "current")["torch"]
    asked = {"entrypoint": ["python", "-c", carriers.PROGRAM], "remove": True}
    said = docker.from_env().containers.run(image.reference, **asked)
    return {name: base64.b64decode(text) for name, text in json.loads(said.splitlines()[-1]).items()}


class Listener:
    """A server of this machine's loopback, and whether anybody came."""

    def __init__(self, stack: contextlib.ExitStack, family: int, address: object, kind: int = socket.SOCK_STREAM):
        self.visits = 0
        self._socket = stack.enter_context(socket.socket(family, kind))
        self._socket.bind(address)
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        if kind == socket.SOCK_STREAM:
            self._socket.listen()
        self.address = self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        stack.callback(self._thread.join)
        stack.callback(self._stop.set)

    def _serve(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                if self._socket.type == socket.SOCK_STREAM:
                    self._socket.accept()[0].close()
                else:
                    self._socket.recv(16)
                self.visits += 1


@pytest.fixture
def aims(tmp_path):
    """The targets as `attempts` has them, and a function that counts who came."""
    word = f"pinlite-hostile-{uuid.uuid4().hex}"
    secret = tmp_path / "secret"
    secret.write_text(word)
    with contextlib.ExitStack() as stack:
        listeners = {
            "ipv4": Listener(stack, socket.AF_INET, ("127.0.0.1", 0)),
            "udp": Listener(stack, socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM),
            "abstract": Listener(stack, socket.AF_UNIX, f"\0{word}"),
        }
        with contextlib.suppress(OSError):  # a machine may have no IPv6
            listeners["ipv6"] = Listener(stack, socket.AF_INET6, ("::1", 0))
        targets = {"word": word, "secret": str(secret), "pid": os.getpid(), "abstract": word, "ipv6": 1}
        targets["cache"] = str(tmp_path / "cache")
        targets |= {name: one.address[1] for name, one in listeners.items() if name != "abstract"}
        # They can be reached from here: that they are not from inside says something.
        socket.create_connection(("127.0.0.1", targets["ipv4"]), 2).close()
        yield targets, lambda: sum(one.visits for one in listeners.values()) - 1


def running(word: str) -> list[str]:
    """The processes of this machine with a word in their command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word.encode() in (process / "cmdline").read_bytes() and int(process.name) != os.getpid():
                found.append(process.name)
    return found
