"""Several blobs at a time, with one line that tells how far they are."""

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from pinlite.events import Observer, TransferFinished, TransferProgress, TransferStarted
from pinlite.machine import folders, temporary

# How often is told how far they are, in seconds.
_MOMENT = 0.2
# How long those are waited for that have been told to stop, in seconds.
_PATIENCE = 2

# What moves a blob: it is given whom to tell of bytes as they move.
Move = Callable[[Callable[[int], None]], None]
# What each has raised, None for nothing.
_Ended = SimpleQueue[BaseException | None]


def half_moved() -> Path:
    """What the folders of what is on its way are called after, and lie beside."""
    return folders.cache() / "images" / "transfer"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what is on its way, on the disk of the cache: it takes gigabytes."""
    half_moved().parent.mkdir(parents=True, exist_ok=True)
    with temporary.folder(beside=half_moved()) as folder:
        yield Path(folder)


class Stopped(Exception):  # noqa: N818  # nothing is wrong: nobody wants it any more
    """Another transfer has failed, or the user has stopped all."""


class Transfers:
    """Blobs that move in threads, and what becomes of them, in a context: what fails in it has failed to move. The
    observer is told by the thread that made this.
    """

    def __init__(self, what: str, total: int, observe: Observer, at_once: int) -> None:
        self._what, self._total, self._observe = what, total, observe
        self._started = time.monotonic()
        self._lock, self._stop = Lock(), Event()
        self._so_far = 0
        self._at_once = at_once
        observe(TransferStarted(what))

    def run(self, moves: Sequence[Move]) -> None:
        """Returns when all of them have moved.

        Raises:
            Exception: What the first that failed has raised; the others stop then, as they do if this is interrupted.
        """
        todo, ended, left = deque(moves), _Ended(), len(moves)
        threads = [Thread(target=self._work, args=(todo, ended), daemon=True) for _ in range(min(self._at_once, left))]
        try:
            for thread in threads:
                thread.start()
            while left:
                self._observe(TransferProgress(self._what, self._so_far, self._total))
                with contextlib.suppress(Empty):
                    _check(ended.get(timeout=_MOMENT))
                    left -= 1
        except BaseException:
            self._give_up(threads)
            raise

    def finish(self, done: str) -> None:
        self._observe(TransferFinished(self._what, done, self._so_far, time.monotonic() - self._started))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._observe(TransferFinished(self._what, "", 0, 0))

    def _work(self, todo: deque[Move], ended: _Ended) -> None:
        while not self._stop.is_set():
            try:
                move = todo.popleft()
            except IndexError:
                return
            try:
                move(self._count)
            except BaseException as error:  # noqa: BLE001  # raised again by who waits
                ended.put(error)
            else:
                ended.put(None)

    def _give_up(self, threads: Sequence[Thread]) -> None:
        """What is moving ends soon, but a connection can stand still for longer than a user waits after ^C."""
        self._stop.set()
        for thread in threads:
            if thread.is_alive():
                thread.join(_PATIENCE / len(threads))

    def _count(self, size: int) -> None:
        if self._stop.is_set():
            raise Stopped
        with self._lock:
            self._so_far += size


def _check(outcome: BaseException | None) -> None:
    if outcome is not None:
        raise outcome
