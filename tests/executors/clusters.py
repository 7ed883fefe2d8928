"""A scheduler of Dask and workers, each with a home and a cache of its own, as separate machines have them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

STARTS = 120
# What of a cache is environments, and what they are made of.
SHARED = ("images", "venv", "wheels", "used", "locks")


def sharing_environments(cache: Path, of: Path) -> Path:
    """A cache whose store is its own."""
    cache.mkdir()
    for name in SHARED:
        (of / name).mkdir(parents=True, exist_ok=True)
        (cache / name).symlink_to(of / name)
    return cache


class Machines:
    """All of a cluster, below a folder; ``options`` go to every process of it."""

    def __init__(self, folder: Path, environments: Path, *options: str, protocol: str = "tcp") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"{protocol}://127.0.0.1:{self.port}"
        self._folder, self._environments, self._options = folder, environments, options
        self._running: dict[str, subprocess.Popen] = {}

    def start_scheduler(self) -> None:
        own = ("--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-jupyter")
        self._start("scheduler", [*own, *(("--protocol", "tls") if self.address.startswith("tls") else ())], {})

    def start_worker(self, name: str, **environment: str) -> None:
        """A worker, once it is there."""
        home = self._folder / name
        if not home.exists():
            home.mkdir(parents=True)
            sharing_environments(home / "cache", self._environments)
        own = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "PINLITE_CACHE": str(home / "cache")}
        arguments = (self.address, "--name", name, "--nthreads", "1", "--no-dashboard", "--local-directory", str(home))
        self._start(name, ["worker", *arguments, "--death-timeout", "60"], {**os.environ, **own, **environment})

    def await_workers(self, count: int) -> None:
        with Client(self.address, timeout=STARTS, set_as_default=False) as client:
            if count:
                client.wait_for_workers(count, timeout=STARTS)

    def kill(self, name: str) -> None:
        """As a machine that loses its power."""
        process = self._running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for name in [*self._running]:
            self.kill(name)

    def _start(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        command = arguments if arguments[0] == "worker" else ["scheduler", *arguments]
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *command, *self._options],
                stdout=log,
                stderr=log,
                env=environment or None,
                cwd=self._folder,
                start_new_session=True,
            )


@contextmanager
def machines(folder: Path, environments: Path, *workers: str) -> Iterator[Machines]:
    """A scheduler with workers of these names."""
    started = Machines(folder, environments)
    try:
        started.start_scheduler()
        for name in workers:
            started.start_worker(name)
        started.await_workers(len(workers))
        yield started
    finally:
        started.end()


def until(holds, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
