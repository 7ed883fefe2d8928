"""Several processes of this machine that carry out tasks, each one task at a time."""

import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from pinlite.batch import host, one_model
from pinlite.batch.tasks import Task
from pinlite.conversion.run import Shared
from pinlite.events import BatchObserver
from pinlite.schema.batch import ModelResult

_TURN = 0.5


@dataclass
class _Process:
    """A process by its number, and the task that it carries out."""

    number: int
    connection: Connection
    task: Task | None = None

    def begin(self, task: Task) -> None:
        self.task = task
        with contextlib.suppress(OSError):  # that it has ended is told where it is heard
            self.connection.send(task)

    def ended(self) -> str:
        """Wait for its end; how it ended, in words."""
        _, status = os.waitpid(self.number, 0)
        self.connection.close()
        code = os.waitstatus_to_exitcode(status)
        return f"was ended by signal {-code}" if code < 0 else f"exited ({code})"


class ProcessesExecutor:
    """An `Executor`. One Python runs one thread at a time, so ``count`` of them are taken, with workers that are
    ``shared``. A process that ends takes its own task with it, and another one takes its place.
    """

    def __init__(self, count: int, shared: Shared | None = None) -> None:
        self._count = count
        self._shared = shared

    def results(self, tasks: Sequence[Task], observe: BatchObserver) -> Generator[ModelResult]:
        # The largest first: one of these at the end would leave the other processes with nothing to do.
        waiting, running = deque(sorted(tasks, key=lambda task: -task.size)), list[_Process]()
        try:
            while waiting or any(each.task for each in running):
                while waiting and len(running) < self._count:
                    running.append(_started(self._shared))
                    running[-1].begin(waiting.popleft())
                for ready in wait([each.connection for each in running], _TURN):
                    (process,) = (each for each in running if each.connection is ready)
                    try:
                        said = process.connection.recv()
                    except (EOFError, OSError):
                        running.remove(process)
                        how = process.ended()
                        if process.task:
                            yield one_model.died(process.task, how)
                        continue
                    if not isinstance(said, ModelResult):
                        observe(said)
                        continue
                    process.task = None
                    if waiting:
                        process.begin(waiting.popleft())
                    yield said
        finally:
            _end(running)


def _started(shared: Shared | None) -> _Process:
    """In a session of its own, so that ^C at a terminal reaches this process alone, which ends the others."""
    ours, theirs = socket.socketpair()
    with theirs:
        number = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", host.__name__],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), host.SOCKET)],
            setsid=True,
        )
    process = _Process(number, Connection(ours.detach()))
    with contextlib.suppress(OSError):
        process.connection.send(host.Begin(shared))
    return process


def _end(processes: Sequence[_Process]) -> None:
    """Have those end that carry out a task, by ^C, and wait for all of them."""
    for process in processes:
        process.connection.close()
        if process.task:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.number, signal.SIGINT)
    for process in processes:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.number, 0)
