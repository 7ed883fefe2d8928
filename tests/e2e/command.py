"""pinlite as a user runs it: a process of its own, which is to leave nothing behind."""

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from pinlite import toolchain

CASES = Path(__file__).parents[1] / "cases"
EXAMPLES = Path(__file__).parents[2] / "examples"
RUNTIMES = [runtime.name for runtime in toolchain.load().runtimes]
NETWORK = (f"{CASES}/tiny.py:network", "--input", "image=1x3x16x16")
PINLITE = ("-m", "pinlite")
LONGEST = 300
# A result in a CI has a page, too.
_NO_CI = {"CI": "", "GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


class Running:
    """A command under way. Its temporary files go to a folder of their own.

    A conversion is made anew, whatever tests before it made, unless it is told where its store is.
    """

    def __init__(self, here: Path, arguments: tuple[object, ...], entry: tuple[str, ...], environment: dict[str, str]):
        if arguments[:1] == ("convert",) and "PINLITE_CACHE" not in environment:
            arguments = (*arguments, "--no-cache")
        self.temporary = here / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self._printed = here / "out.txt", here / "err.txt"
        # Wide enough that no line of a table is broken.
        wide = {"COLUMNS": "200", "TMPDIR": str(self.temporary)}
        with self._printed[0].open("w") as out, self._printed[1].open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, *entry, *map(str, arguments)],
                cwd=here,
                env=os.environ | _NO_CI | wide | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def said(self) -> str:
        """Standard error until now."""
        return self._printed[1].read_text()

    def end(self, timeout: float = LONGEST) -> Ended:
        """Wait for the end, and see that it is a clean one."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        out, err = (path.read_text() for path in self._printed)
        assert "Traceback" not in out + err
        assert workers(self.process.pid) == []
        assert list(self.temporary.iterdir()) == []
        return Ended(status, out, err)


class Command:
    """Runs ``python -m pinlite`` in a folder; ``entry`` takes the place of -m pinlite."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self._started: list[Running] = []

    def start(self, *arguments: object, entry: tuple[str, ...] = PINLITE, **environment: str) -> Running:
        self._started.append(Running(self.here, arguments, entry, environment))
        return self._started[-1]

    def stop(self) -> None:
        """End what a test that failed has left running."""
        for running in self._started:
            running.process.terminate()
            running.process.wait()

    def __call__(self, *arguments: object, entry: tuple[str, ...] = PINLITE, **environment: str) -> Ended:
        return self.start(*arguments, entry=entry, **environment).end()

    def succeeds(self, *arguments: object, **options: str) -> Ended:
        ended = self(*arguments, **options)
        assert ended.status == 0, ended.err
        return ended

    def refuses(self, status: int, *arguments: object, **options: str) -> str:
        """What it says on standard error, ending with this status."""
        ended = self(*arguments, **options)
        assert ended.status == status, ended.err
        assert "error: " in ended.err
        assert "hint: " in ended.err
        return ended.err


@dataclass(frozen=True)
class Worker:
    """A worker of a command, as the machine sees it: ``processes`` are those that run a program of an image."""

    image: str
    program: str
    processes: tuple[int, ...]


def workers(command: int, program: str | None = None, image: str | None = None) -> list[Worker]:
    """The workers of the command of this process number, or those of a program or image, found without pinlite."""
    mine = f"{platform.node()}/{command}."
    found = [*_in_containers(mine), *_local(mine)]
    return [worker for worker in found if program in (None, worker.program) and image in (None, worker.image)]


def _in_containers(owner: str) -> Iterator[Worker]:
    with contextlib.suppress(DockerException), contextlib.closing(docker.from_env()) as client:
        for entry in client.api.containers(all=True, filters={"label": "pinlite"}):
            labels = entry["Labels"]
            if labels.get("pinlite.owner", "").startswith(owner):
                inside = set(processes("cgroup", entry["Id"]))
                # Not the container's init, nor what prepares the container.
                running = inside & set(processes("comm", "python"))
                yield Worker(labels["pinlite.image"], labels["pinlite.stage"], tuple(running))


def _local(owner: str) -> Iterator[Worker]:
    for pid, environ in processes("environ", f"pinlite.owner={owner}").items():
        variables = dict(item.split("=", 1) for item in environ.split("\0") if "=" in item)
        yield Worker(variables["pinlite.image"], variables["pinlite.stage"], (pid,))


def processes(file: str, text: str) -> dict[int, str]:
    """The processes with this text in a file of theirs below /proc, and what is in it."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            content = (process / file).read_text(errors="replace")
            if text in content:
                found[int(process.name)] = content
    return found
