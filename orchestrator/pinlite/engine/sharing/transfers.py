"""Several blobs at a time, with one line that tells how far they are."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Lock

from pinlite.events import Observer, TransferFinished, TransferProgress, TransferStarted
from pinlite.machine import folders, temporary

# How often is told how far they are, in seconds.
_MOMENT = 0.2

# What moves a blob: it is given whom to tell of bytes as they move.
Move = Callable[[Callable[[int], None]], None]


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
    """Blobs that move in threads. The observer is told by the thread that made this."""

    def __init__(self, what: str, total: int, observe: Observer, at_once: int) -> None:
        self._what, self._total, self._observe = what, total, observe
        self._started = time.monotonic()
        self._lock, self._stop = Lock(), Event()
        self._so_far = 0
        self._threads = ThreadPoolExecutor(at_once, "pinlite-transfer")
        observe(TransferStarted(what))

    def run(self, moves: Sequence[Move]) -> None:
        """Returns when all of them have moved.

        Raises:
            Exception: What the first that failed has raised; the others stop then, as they do if this is interrupted.
        """
        running = {self._threads.submit(move, self._count) for move in moves}
        try:
            while running:
                done, running = wait(running, timeout=_MOMENT, return_when=FIRST_COMPLETED)
                self._observe(TransferProgress(self._what, self._so_far, self._total))
                for each in done:
                    each.result()
        except BaseException:
            self._stop.set()
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._observe(TransferFinished(self._what, "", 0, 0))
            raise

    def finish(self, done: str) -> None:
        self._threads.shutdown()
        self._observe(TransferFinished(self._what, done, self._so_far, time.monotonic() - self._started))

    def _count(self, size: int) -> None:
        if self._stop.is_set():
            raise Stopped
        with self._lock:
            self._so_far += size
