"""A Docker engine that does not see this machine's folders, as one on another machine; it answers by TCP."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from pinlite.engine.docker import DockerEngine
from pinlite.toolchain import Base

STARTS = 60
# What users' files and temporary ones lie in. Its own are below /mnt.
HIDDEN = ("/home", "/root", "/srv", "/tmp", "/var/tmp", "/work")
# A dockerd that is given its socket, as systemd does; in a network of its own, for it makes and removes bridges there.
STARTED = """
set -e
mount --make-rprivate /
mount --bind "$1" /mnt
for folder in $2; do [ ! -d "$folder" ] || mount -t tmpfs none "$folder"; done
mkdir -p /mnt/data /mnt/exec
exec 3<&"$3"
export LISTEN_FDS=1 LISTEN_PID=$$
exec dockerd --host fd:// --host unix:///mnt/docker.sock --pidfile /mnt/pid \
    --data-root /mnt/data --exec-root /mnt/exec --iptables=false --ip-masq=false
"""


@dataclass(frozen=True)
class Elsewhere:
    """Such an engine: its address, as DOCKER_HOST has it, and the socket that it has, too, for who is there."""

    address: str
    socket: Path


@contextlib.contextmanager
def running() -> Iterator[Elsewhere]:
    if os.getuid() or not all(map(shutil.which, ("dockerd", "unshare"))):
        wants = "a Docker engine elsewhere wants root, dockerd and util-linux"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(wants)
    folder = Path(tempfile.mkdtemp(prefix="elsewhere-", dir="/var/tmp"))
    with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "log").open("wb") as log:
        host = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        daemon = subprocess.Popen(
            [
                *("unshare", "--net", "--mount", "--", "bash", "-c", STARTED, "bash"),
                *(folder, " ".join(HIDDEN), str(listener.fileno())),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(listener.fileno(),),
        )
        try:
            end = time.monotonic() + STARTS
            while not _answers(host):
                if daemon.poll() is not None or time.monotonic() > end:
                    pytest.fail(f"no Docker engine starts elsewhere: {(folder / 'log').read_text()[-300:]}")
                time.sleep(0.1)
            yield Elsewhere(host, folder / "docker.sock")
        finally:
            with contextlib.suppress(DockerException, OSError), contextlib.closing(_client(host)) as client:
                for entry in client.api.containers(all=True):
                    client.api.remove_container(entry["Id"], force=True)
            daemon.send_signal(signal.SIGTERM)
            daemon.wait()
            shutil.rmtree(folder)


def load(host: str, engine: DockerEngine, bases: list[Base]) -> None:
    """The base images of this machine's engine, which that one can't pull where there is no registry."""
    for reference in map(engine.base, bases):
        with subprocess.Popen(["docker", "save", reference], stdout=subprocess.PIPE) as saving:
            subprocess.run(["docker", "--host", host, "load", "--quiet"], stdin=saving.stdout, check=True)
        assert saving.returncode == 0


def _answers(host: str) -> bool:
    with contextlib.suppress(DockerException, OSError), contextlib.closing(_client(host)) as client:
        return bool(client.ping())
    return False


def _client(host: str) -> docker.DockerClient:
    return docker.DockerClient(base_url=host)
