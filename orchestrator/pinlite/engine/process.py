"""A worker as a process with pipes: the conversation with it, which both engines share."""

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from pinlite import contract
from pinlite.contract import ContractError, Ready, Request, Response
from pinlite.engine import written
from pinlite.engine.files import Files, OnDisk
from pinlite.engine.protocol import Job
from pinlite.errors import OutOfDiskError, OutOfMemoryError, PinliteError, StageCrashError, StageTimeoutError

_LINES_IN_ERROR = 12
_TURN = 0.5
# In seconds: a daemon that hangs would otherwise be waited for as long as a stage may take.
BETWEEN_CHECKS = 30.0
_BYTES_KEPT = 8 * 1024
# Of a log; a program that prints for ever must not fill the disk.
LONGEST_LOG = 64 * 1024**2


@dataclass(frozen=True)
class Ending:
    """How a process ended. ``exit_code`` is negative for a signal, as in subprocess."""

    exit_code: int
    out_of_memory: bool = False


class Process(Protocol):
    """A started process, as an engine gives it to `ProcessWorker`."""

    def send(self, data: bytes) -> None:
        """Write to its standard input; OSError when it is gone."""
        ...

    def chunks(self) -> Iterator[tuple[Literal["out", "err"], bytes]]:
        """What it writes, until it ends."""
        ...

    def check(self) -> None:
        """StageCrashError where what runs it is gone, so that no answer can come."""
        ...

    def ending(self) -> Ending:
        """How it ended; waits for it."""
        ...

    def clear(self) -> None:
        """Remove the temporary files that it has elsewhere than in its job's folder; OSError, or StageCrashError."""
        ...

    def remove(self) -> None:
        """Kill it with all that it started, and leave nothing of it."""
        ...


class ProcessWorker:
    """A `StartedWorker` over a `Process`: lines in, messages out, all else into the log."""

    def __init__(self, process: Process, job: Job, files: Files | None = None) -> None:
        """``files`` are those of its requests, where they do not lie in the job's folder for it to see."""
        self._process = process
        self._job = job
        self._files = files or OnDisk(job)
        self._messages: queue.SimpleQueue[Ready | Response | ContractError | None] = queue.SimpleQueue()
        self._line = b""
        self._tail = b""
        self._logged = 0
        self._ready: Ready | None = None
        self._stopping = threading.Lock()
        self._stopped = False
        self._reader = threading.Thread(target=self._read, name=f"pinlite-{job.program}", daemon=True)
        self._reader.start()

    @property
    def job(self) -> Job:
        return self._job

    @property
    def rests(self) -> bool:
        unread = self._messages.qsize() - (self._ready is None)
        return self._reader.is_alive() and unread <= 0 and self._files.excess() is None

    def ready(self) -> Ready:
        if self._ready is None:
            message = self._next(time.monotonic() + self._job.limits.timeout)
            if not isinstance(message, Ready) or message.contract != contract.VERSION:
                raise self._broken("its first message is not that it is ready")
            self._ready = message
        return self._ready

    def request(self, request: Request) -> Response:
        self.ready()
        self._files.send(request)
        deadline = time.monotonic() + self._job.limits.timeout
        # Whether its end of the pipe is broken or ours is closed: the reader knows why.
        with contextlib.suppress(OSError, ValueError):
            self._process.send(contract.line(request))
        message = self._next(deadline)
        if not isinstance(message, Response) or message.id != request.id:
            raise self._broken("its answer belongs to no request")
        if message.error and message.error.kind == "memory":
            raise self._out_of_memory()
        if not message.error and (excess := self._files.fetch(request)):
            self.stop()
            raise self._out_of_disk(excess)
        return message

    def stop(self) -> None:
        # A second caller waits for the first; after one that ^C interrupted, it does the work.
        with self._stopping:
            if not self._stopped:
                self._process.remove()
                self._reader.join()
                self._stopped = True

    def release(self) -> None:
        self.stop()

    def clear(self) -> None:
        if not self.rests:
            raise self._broken("it does not rest")
        try:
            for folder in (self._job.inputs, self._job.outputs, self._job.scratch):
                written.empty(folder)
            self._files.clear()
            self._process.clear()
        except OSError as error:
            raise self._broken(f"its files can't be removed: {error}") from error
        self._tail = b""

    def serve(self, job: Job) -> None:
        if not self.rests:
            raise self._broken("it does not rest")
        self._job = job
        self._logged = 0
        self._begin_log()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self) -> None:
        """Runs in a thread of its own, for a process that is not read blocks."""
        try:
            self._begin_log()
            for stream, data in self._process.chunks():
                if stream == "out":
                    self._hear(data)
                else:
                    self._log(data)
                    self._tail = (self._tail + data)[-_BYTES_KEPT:]
        except ContractError as error:
            self._messages.put(error)
        except OSError as error:
            self._messages.put(ContractError(f"its log can't be written: {error}"))
        self._messages.put(None)

    def _begin_log(self) -> None:
        self._job.log.touch()

    def _log(self, data: bytes) -> None:
        """Write what there is room for, and say once that there is none. A full disk ends the log, not the run."""
        room = LONGEST_LOG - self._logged
        self._logged += len(data)
        if room >= 0:
            end = f"\npinlite: the log ends here, at {LONGEST_LOG // 1024**2} MiB; the program prints on\n".encode()
            with contextlib.suppress(OSError), self._job.log.open("ab", buffering=0) as log:
                log.write(data[:room] + (end if self._logged > LONGEST_LOG else b""))

    def _hear(self, data: bytes) -> None:
        """Queue the messages on the lines that the data ends."""
        *lines, self._line = (self._line + data).split(b"\n")
        if len(self._line) > contract.LONGEST_LINE:
            raise ContractError("a line without an end")
        for line in lines:
            # One message may wait, that it is ready; each other is waited for.
            if self._messages.qsize() > 1:
                raise ContractError("it answers without a request")
            self._messages.put(contract.parse(line))

    def _next(self, deadline: float) -> Ready | Response:
        message = self._wait(deadline)
        if message is None:
            self._messages.put(None)  # whoever asks again gets the same answer
            raise self._ended()
        if isinstance(message, ContractError):
            raise self._broken(str(message))
        return message

    def _wait(self, deadline: float) -> Ready | Response | ContractError | None:
        """In turns: ^C that comes just before a wait begins does not end it."""
        check = time.monotonic() + BETWEEN_CHECKS
        while True:
            left = max(0.0, deadline - time.monotonic())
            heard: list[Ready | Response | ContractError | None] = []
            with contextlib.suppress(queue.Empty):
                heard.append(self._messages.get(timeout=min(left, _TURN)))
            # With what it said, too: it may have written all of it in one turn, and may have ended of it.
            if excess := self._files.excess():
                self.stop()
                raise self._out_of_disk(excess)
            if heard:
                return heard[0]
            if not left:
                self.stop()
                raise self._timed_out()
            if time.monotonic() > check:
                self._process.check()
                check = time.monotonic() + BETWEEN_CHECKS

    def _output(self) -> str:
        lines = self._tail.decode(errors="replace").splitlines()
        return "".join(f"\n  {line}" for line in lines[-_LINES_IN_ERROR:])

    def _ended(self) -> PinliteError:
        ending = self._process.ending()
        # An engine without a memory cgroup can't tell; C++ says it in its last words.
        if ending.out_of_memory or b"std::bad_alloc" in self._tail:
            return self._out_of_memory()
        how = f"was ended by signal {-ending.exit_code}" if ending.exit_code < 0 else f"exited ({ending.exit_code})"
        return StageCrashError(
            f"the {self._job.name} program {how} without an answer; its last output:{self._output()}",
            hint=f"the whole log is {self._job.log}",
        )

    def _broken(self, what: str) -> PinliteError:
        self.stop()
        return StageCrashError(
            f"the {self._job.name} program broke the contract: {what}", hint=f"its log is {self._job.log}"
        )

    def _out_of_memory(self) -> PinliteError:
        return OutOfMemoryError(
            f"the {self._job.name} program needs more memory than its limit of "
            f"{self._job.limits.memory / 1024**3:.2g} GiB",
            hint="raise it with --memory, e.g. --memory 16g",
        )

    def _out_of_disk(self, excess: written.Excess) -> PinliteError:
        return OutOfDiskError(
            f"the {self._job.name} program writes {excess.what}",
            hint=f"{excess.hint}; its log is {self._job.log}",
        )

    def _timed_out(self) -> PinliteError:
        return StageTimeoutError(
            f"the {self._job.name} program gave no answer within {self._job.limits.timeout:g} s; "
            f"its last output:{self._output()}",
            hint=f"raise the limit with --timeout SECONDS; the whole log is {self._job.log}",
        )
