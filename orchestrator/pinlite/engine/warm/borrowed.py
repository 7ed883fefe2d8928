"""A worker that a keeper lends to a run."""

import contextlib
import threading
from dataclasses import replace
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from pinlite.contract import Ready, Request, Response
from pinlite.engine.protocol import Job, Worker
from pinlite.engine.warm import wire
from pinlite.engine.warm.wire import Borrow, Failed
from pinlite.errors import StageCrashError

_TURN = 0.5


def borrow(engine: str, job: Job) -> Worker:
    """A worker for the job from this user's keeper, or the one that the job names: one that has served other runs,
    else a new one. Its own ``job`` says in which folder it is.

    Raises:
        StageCrashError, NoEngineError: The engine can't start it.
        OSError: No keeper can be had.
    """
    with contextlib.ExitStack() as closed:
        connection = closed.enter_context(wire.reach(job.keeper))
        try:
            # The keeper works in another folder.
            connection.send(Borrow(engine, replace(job, log=job.log.absolute())))
            borrowed = BorrowedWorker(connection, _heard(connection))
        except EOFError as error:
            raise ConnectionError("the keeper of warm workers has ended") from error
        closed.pop_all()
    return borrowed


class BorrowedWorker:
    """A `Worker` whose process is the keeper's."""

    def __init__(self, connection: Connection, job: Job) -> None:
        self.job = job
        self._connection = connection
        self._ready: Ready | None = None
        self._asking = threading.Lock()
        self._leaving = threading.Lock()
        self._left = False

    def ready(self) -> Ready:
        if self._ready is None:
            self._ready = self._asked(wire.READY)
        return self._ready

    def request(self, request: Request) -> Response:
        response: Response = self._asked(request)
        return response

    def stop(self) -> None:
        """What served once has made files that are still to be taken: they go with `release`."""
        if not (self.job.once and self._stopped()):
            self._leave()

    def _stopped(self) -> bool:
        """Whether it has ended and was not asked anything."""
        if self._left or not self._asking.acquire(blocking=False):
            return False
        try:
            self._connection.send(wire.STOP)
            return bool(_heard(self._connection) == wire.STOP)
        except (OSError, EOFError):
            return False
        finally:
            self._asking.release()

    def release(self) -> None:
        self._leave(wire.RELEASE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _asked(self, what: object) -> Any:
        with self._asking:
            try:
                self._connection.send(what)
                return _heard(self._connection)
            except (OSError, EOFError) as error:
                raise StageCrashError(
                    f"the {self.job.name} program is gone, with the keeper of warm workers or by its word",
                    hint=f"run the command again; its log is {self.job.log}",
                ) from error

    def _leave(self, *words: str) -> None:
        """A second caller waits for the first; after one that ^C interrupted, it does the work."""
        with self._leaving:
            if self._left:
                return
            with contextlib.suppress(OSError):
                for word in words:
                    self._connection.send(word)
                wire.hang_up(self._connection)
                # Whoever waits for an answer hears that there is none.
                with self._asking:
                    wire.wait_for_the_end(self._connection)
            self._connection.close()
            self._left = True


def _heard(connection: Connection) -> Any:
    """The next message. In turns: ^C that comes just before a wait begins does not end it."""
    while not connection.poll(_TURN):
        pass
    answer = connection.recv()
    if isinstance(answer, Failed):
        raise answer.kind(answer.message, hint=answer.hint)
    return answer
