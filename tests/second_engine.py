"""A Docker engine of the tests' own, which they may stop and hang, and fill with images."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

STARTS = 60
# In bytes, of which as many are taken as are written.
DISK = 16 * 1024**3
# In bytes, that the tests write to it. A disk in a file learns too late that there is no room, and loses what it took.
WRITTEN = 10 * 1024**3


class Daemon:
    """A dockerd with a disk, folders and a network namespace of its own: the machine's does not notice it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._data.mkdir()
        disk = folder / "disk"
        with disk.open("wb") as stream:
            stream.truncate(DISK)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", disk], check=True)
        subprocess.run(["mount", "-o", "loop", disk, self._data], check=True)
        self.host = f"unix://{folder}/docker.sock"
        self._log = (folder / "log").open("ab")

    def start(self) -> None:
        # A daemon that was killed takes its containerd along, whose number may still be there, as a zombie.
        (self._folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)
        # Never in the machine's own network namespace: dockerd makes and removes bridges where it is.
        where = self._folder
        self.process = subprocess.Popen(
            [
                *("unshare", "--net", "--", "dockerd", "--host", self.host, "--pidfile", where / "pid"),
                *("--data-root", self._data, "--exec-root", where / "exec", "--iptables=false", "--ip-masq=false"),
            ],
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        end = time.monotonic() + STARTS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self._log.flush()
                pytest.fail(f"no second Docker engine starts here: {(self._folder / 'log').read_text()[-300:]}")
            time.sleep(0.1)

    def answers(self) -> bool:
        with contextlib.suppress(DockerException, OSError), contextlib.closing(self.client()) as client:
            return bool(client.ping())
        return False

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.host)

    def load(self, references: list[str]) -> None:
        """Images of the machine's engine, and through a pipe, for together they are large."""
        with subprocess.Popen(["docker", "save", *references], stdout=subprocess.PIPE) as saving:
            subprocess.run(["docker", "--host", self.host, "load", "--quiet"], stdin=saving.stdout, check=True)
        assert saving.returncode == 0

    @contextlib.contextmanager
    def filled(self, *, room: int) -> Iterator[None]:
        """Leave so much room on its disk meanwhile, in bytes."""
        filling = self._data / "filling"
        try:
            with filling.open("wb", buffering=0) as stream:
                # What is allocated at once needs some more for itself, so the last of it is written.
                length = shutil.disk_usage(self._data).free - room - 16 * 1024**2
                os.posix_fallocate(stream.fileno(), 0, length)
                stream.seek(length)
                with contextlib.suppress(OSError):
                    while shutil.disk_usage(self._data).free > room:
                        stream.write(bytes(4096))
            yield
        finally:
            filling.unlink()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.send(number)
        self.process.wait()

    def close(self) -> None:
        self.send(signal.SIGCONT)
        with contextlib.suppress(DockerException, OSError), contextlib.closing(self.client()) as client:
            for entry in client.api.containers(all=True):
                client.api.remove_container(entry["Id"], force=True)
        self.stop()
        self._log.close()
        # What a killed one had mounted stays.
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{self._folder}/")]):
            subprocess.run(["umount", mount], check=True)


@contextlib.contextmanager
def started() -> Iterator[Daemon]:
    """One that has no images. Its socket's path has to be short, so its folder is not pytest's."""
    if os.getuid() or not all(map(shutil.which, ("dockerd", "unshare", "mkfs.ext4"))):
        wants = "a Docker engine of its own wants root, dockerd, util-linux and e2fsprogs"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(wants)
    if shutil.disk_usage(tempfile.gettempdir()).free < WRITTEN:
        pytest.fail(f"a Docker engine of its own wants {WRITTEN / 1024**3:g} GiB in {tempfile.gettempdir()}")
    folder = Path(tempfile.mkdtemp(prefix="dockerd-"))
    daemon = Daemon(folder)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.close()
        shutil.rmtree(folder)
