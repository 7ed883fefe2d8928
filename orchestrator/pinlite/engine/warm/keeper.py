"""The keeper: a process that starts workers, lends them to runs, and ends them once nobody wants them any more.

``python -m pinlite.engine.warm.keeper PATH``: of the socket that it is given.
"""

import contextlib
import itertools
import os
import select
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

from pinlite.contract import Request, Response
from pinlite.engine import written
from pinlite.engine.choice import ENGINES
from pinlite.engine.protocol import Engine, Job, StartedWorker
from pinlite.engine.warm import wire
from pinlite.engine.warm.wire import Borrow, Failed, WarmWorker
from pinlite.errors import PinliteError
from pinlite.machine import guards, temporary

# A worker that took more is not kept, for what a model has left in it.
MOST_MEMORY = 2 * 1024**3
# Of workers that are alike: more runs than that gain nothing from running at once.
MOST_ALIKE = os.cpu_count() or 1
_TURN = 0.5
# So many that serve once are a reason to start one ahead.
_SEVERAL = 2


@dataclass(eq=False)
class _Kept:
    """A worker, and the engine that it is of. ``until`` is when it has waited long enough, ``cleared`` whether what the
    last run left has been removed.
    """

    engine: str
    worker: StartedWorker
    started: float = field(default_factory=time.monotonic)
    until: float = 0
    peak_memory: int = 0
    keeps: bool = True
    is_lent: bool = True
    cleared: Future[object] | None = None

    def serves(self, asked: Borrow) -> bool:
        return (self.engine, _kind(self.worker.job)) == (asked.engine, _kind(asked.job))

    @property
    def is_unfit(self) -> bool:
        """Whether a worker that waits is to serve nobody any more."""
        if self.cleared is None or not self.cleared.done():
            return False
        return self.cleared.exception() is not None or not self.worker.rests

    def told(self) -> WarmWorker:
        job, now = self.worker.job, time.monotonic()
        left = job.keep_warm if self.is_lent else max(0.0, self.until - now)
        return WarmWorker(
            self.engine, job.image.name, job.program, self.is_lent, now - self.started, left, self.peak_memory
        )


class Keeper:
    def __init__(self, folder: Path) -> None:
        """``folder`` is where the workers' folders are."""
        self._folder = folder
        self._numbers = itertools.count()
        self._kept: list[_Kept] = []
        self._changing = threading.Lock()
        self._engines: dict[str, Engine] = {}
        # How often workers of a kind were asked for that serve once.
        self._once: Counter[tuple[str, Job]] = Counter()
        self._threads = ThreadPoolExecutor(max_workers=256, thread_name_prefix="pinlite-keeper")
        self._conversations: list[Future[None]] = []
        # Those that hear of the keeper's end by theirs.
        self._leaving: list[Connection] = []
        self._is_leaving = False
        self._woken, self._waking = os.pipe()

    def serve(self, listener: socket.socket, path: Path) -> None:
        """Until nobody is there, and no worker."""
        listener.setblocking(False)
        while True:
            asked: list[socket.socket | int] = [listener, self._woken]
            if self._woken in select.select(asked, [], [], _TURN)[0]:
                os.read(self._woken, 1024)
            self._accept(listener)
            self._end_what_is_over()
            self._forget_conversations()
            if not self._kept and not self._conversations:
                # Nobody connects while this is held.
                with contextlib.suppress(BlockingIOError), guards.held(wire.guard_of(path), wait=False):
                    if not self._accept(listener):
                        wire.remove(path)
                        return

    def end(self) -> None:
        """End every worker, whoever has it."""
        with self._changing:
            kept, self._kept = self._kept, []
        _stop(kept)

    def _accept(self, listener: socket.socket) -> bool:
        try:
            sock, _ = listener.accept()
        except OSError:
            return False
        with sock:
            if wire.is_own(sock):
                self._conversations.append(self._threads.submit(self._converse, Connection(sock.detach())))
                self._conversations[-1].add_done_callback(lambda _: os.write(self._waking, b"."))
        return True

    def _converse(self, connection: Connection) -> None:
        with contextlib.ExitStack() as held, contextlib.suppress(OSError, EOFError):
            held.enter_context(connection)
            match connection.recv():
                case Borrow() as asked:
                    self._lend(connection, asked)
                case wire.LIST:
                    with self._changing:
                        told = [kept.told() for kept in self._kept]
                    connection.send(told)
                case wire.END:
                    connection.send([kept.told() for kept in self._end_waiting()])
                case wire.LEAVE:
                    with self._changing:
                        self._is_leaving = True
                    connection.send([kept.told() for kept in self._end_waiting()])
                    held.pop_all()
                    self._leaving.append(connection)

    def _lend(self, connection: Connection, asked: Borrow) -> None:
        try:
            kept = self._taken(asked) or self._started(asked)
        except PinliteError as error:
            connection.send(Failed(type(error), error.message, error.hint))
            return
        if asked.job.once:
            self._threads.submit(self._start_ahead, asked)
        is_fit = False
        try:
            connection.send(kept.worker.job)
            is_fit = _Lending(connection, kept).serve()
        finally:
            self._take_back(kept, is_fit=is_fit)

    def _taken(self, asked: Borrow) -> _Kept | None:
        """A worker that waits, the one that waits shortest first; it serves the asker from now on."""
        while True:
            with self._changing:
                waiting = [kept for kept in self._kept if not kept.is_lent and kept.serves(asked)]
                kept = max(waiting, key=lambda each: each.until, default=None)
                if kept is None:
                    return None
                kept.is_lent = True
            try:
                assert kept.cleared
                kept.cleared.result()
                kept.worker.serve(replace(asked.job, folder=kept.worker.job.folder))
            except (PinliteError, OSError):
                self._take_back(kept, is_fit=False)
            else:
                return kept

    def _started(self, asked: Borrow) -> _Kept:
        kept = self._new(asked)
        with self._changing:
            self._kept.append(kept)
        return kept

    def _start_ahead(self, asked: Borrow) -> None:
        """Have a new worker wait for the run that asks for one like this next: the first two may have been all."""
        with self._changing:
            kind = asked.engine, _kind(asked.job)
            self._once[kind] += 1
            if self._once[kind] < _SEVERAL or any(not kept.is_lent and kept.serves(asked) for kept in self._kept):
                return
        with contextlib.suppress(PinliteError):  # whoever asks for it hears of it
            kept = self._new(asked)
            kept.is_lent, kept.until = False, time.monotonic() + asked.job.keep_warm
            kept.cleared = Future()
            kept.cleared.set_result(None)
            with self._changing:
                if not self._is_leaving:
                    self._kept.append(kept)
                    return
            _stop([kept])

    def _new(self, asked: Borrow) -> _Kept:
        with self._changing:
            if asked.engine not in self._engines:
                self._engines[asked.engine] = ENGINES[asked.engine]()
            folder = self._folder / str(next(self._numbers))
        return _Kept(asked.engine, self._engines[asked.engine].start(replace(asked.job, folder=folder)))

    def _take_back(self, kept: _Kept, *, is_fit: bool) -> None:
        with self._changing:
            alike = [each for each in self._kept if each.serves(Borrow(kept.engine, kept.worker.job))]
            waiting = [each for each in alike if not each.is_lent]
            fit = is_fit and kept.keeps and not kept.worker.job.once
            if fit and kept.peak_memory <= MOST_MEMORY and len(waiting) < MOST_ALIKE:
                kept.until = time.monotonic() + kept.worker.job.keep_warm
                kept.cleared = self._threads.submit(kept.worker.clear)
                kept.is_lent = False
                return
            if kept in self._kept:
                self._kept.remove(kept)
        _stop([kept])

    def _end_waiting(self) -> list[_Kept]:
        with self._changing:
            for kept in self._kept:
                kept.keeps = False
        return self._end_those(lambda _: True)

    def _end_what_is_over(self) -> None:
        """What has waited long enough, or does not rest while it waits."""
        now = time.monotonic()
        self._end_those(lambda kept: now >= kept.until or kept.is_unfit)

    def _end_those(self, which: Callable[[_Kept], bool]) -> list[_Kept]:
        """Of those that wait for a run."""
        with self._changing:
            ended = [kept for kept in self._kept if not kept.is_lent and which(kept)]
            self._kept = [kept for kept in self._kept if kept not in ended]
        _stop(ended)
        return ended

    def _forget_conversations(self) -> None:
        over = [each for each in self._conversations if each.done()]
        self._conversations = [each for each in self._conversations if each not in over]
        for each in over:
            each.result()  # a fault of the keeper's own ends it, with all workers


class _Lending:
    """The conversation with a run that has a worker."""

    def __init__(self, connection: Connection, kept: _Kept) -> None:
        self._connection = connection
        self._kept = kept
        self._is_busy = False
        self._is_fit = True

    def serve(self) -> bool:
        """Until the run is done with the worker; whether that can serve another one: it has answered all that it was
        asked, as it should.
        """
        with ThreadPoolExecutor(max_workers=1) as answering:
            try:
                # EOFError where the run has gone, or wants it ended.
                while (asked := self._connection.recv()) != wire.RELEASE:
                    if asked == wire.STOP:
                        self._is_fit = False
                        self._kept.worker.stop()
                        self._connection.send(wire.STOP)
                        continue
                    self._is_busy = True
                    answering.submit(self._answer, asked)
            except (OSError, EOFError):
                self._is_fit = False
            else:
                self._is_fit &= not self._is_busy
            finally:
                if self._is_busy:
                    # It would be waited for otherwise.
                    self._kept.worker.stop()
        return self._is_fit

    def _answer(self, asked: Request | str) -> None:
        answer: object
        try:
            answer = self._kept.worker.request(asked) if isinstance(asked, Request) else self._kept.worker.ready()
        except PinliteError as error:
            self._is_fit = False
            answer = Failed(type(error), error.message, error.hint)
        if isinstance(answer, Response):
            self._kept.peak_memory = max(self._kept.peak_memory, answer.peak_memory)
            self._is_fit &= answer.error is None or answer.error.kind in ("usage", "model")
        self._is_busy = False
        with contextlib.suppress(OSError):
            self._connection.send(answer)


def _kind(job: Job) -> Job:
    """What has to be equal for a worker to serve a job: the time limit is each request's own."""
    limits = job.limits.model_copy(update={"timeout": 0.0})
    return replace(job, folder=Path(), log=Path(), run="", keep_warm=0.0, limits=limits)


def _stop(those: list[_Kept]) -> None:
    """Those of a batch are many: none waits for the end of another."""
    if len(those) > 1:
        with ThreadPoolExecutor(max_workers=len(those), thread_name_prefix="pinlite-end") as ender:
            for ending in [ender.submit(_stop_one, kept) for kept in those]:
                ending.result()
    elif those:
        _stop_one(those[0])


def _stop_one(kept: _Kept) -> None:
    if kept.cleared:
        kept.cleared.exception()  # is waited for
    with contextlib.suppress(Exception):  # what can't be ended now is found by its labels
        kept.worker.stop()
    with contextlib.suppress(OSError):
        written.remove(kept.worker.job.folder)


def main(path: str) -> None:
    # No folder is to be in use by it.
    os.chdir("/")
    # As from an exit: what has been started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with temporary.folder() as folder, socket.socket(fileno=wire.LISTENER) as listener:
        keeper = Keeper(Path(folder).resolve())
        try:
            keeper.serve(listener, Path(path))
        finally:
            keeper.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
