"""What a scheduler has a worker do: functions that take text and give text, called by their names."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from distributed import Worker, get_worker

from pinlite.batch.cluster import carrier, machines
from pinlite.batch.cluster.job import Job, Outcome
from pinlite.machine import folders

_TURN = 0.5

_idle: list["_Process"] = []
_choosing = threading.Lock()


def machine() -> str:
    """Which pinlite is here, as a `Machine` in JSON."""
    return machines.this().model_dump_json()


def carry_out(text: str) -> str:
    """Carry out a `Job`; its `Outcome`. What a task may do to its process, it does to one of its own.

    Raises:
        CarrierDiedError: That process has ended.
    """
    worker = get_worker()
    key = str(worker.get_current_task())
    topic = Job.model_validate_json(text).topic
    process = _free()
    try:
        process.send(text)
        while True:
            said = process.said(_TURN)
            if said is None:
                _check(worker, key)
            elif "event" in said:
                worker.log_event(topic, said["event"])
            else:
                outcome = Outcome.model_validate(said["outcome"])
                break
    except BaseException:
        process.end()
        raise
    with _choosing:
        _idle.append(process)
    return outcome.model_copy(update={"worker": str(worker.name), "address": str(worker.address)}).to_json()


class CarrierDiedError(Exception):
    """The process that carried out a task has ended."""


class _Process:
    def __init__(self) -> None:
        """In a session of its own, so that ^C at a terminal reaches the worker alone, which ends it."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", carrier.__name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # It works in other folders than the one that a cache may be relative to.
                env=os.environ | {"PINLITE_CACHE": str(folders.cache().absolute())},
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def send(self, text: str) -> None:
        with contextlib.suppress(OSError):  # that it has ended is told where it is heard
            self._connection.send_bytes(text.encode())

    def said(self, seconds: float) -> dict[str, Any] | None:
        """What it says within some seconds."""
        try:
            if not self._connection.poll(seconds):
                return None
            found: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            code = self._process.wait()
            how = f"was ended by signal {-code}" if code < 0 else f"exited ({code})"
            raise CarrierDiedError(how) from None
        return found

    def end(self) -> None:
        self._connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGINT)
        self._process.wait()


def _free() -> _Process:
    with _choosing:
        while _idle:
            process = _idle.pop()
            if process.lives:
                return process
            process.end()
    return _Process()


def _check(worker: Worker, key: str) -> None:
    """An InterruptedError where nobody waits for a task any more: Dask does not end a thread."""
    state = worker.state.tasks.get(key)
    if state is None or state.state in ("cancelled", "released", "forgotten"):
        raise InterruptedError(key)
