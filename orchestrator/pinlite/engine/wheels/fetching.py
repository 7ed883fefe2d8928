"""Fetching files for the cache, several at a time."""

import contextlib
from collections import deque
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import requests

from pinlite.engine.wheels import transfer
from pinlite.engine.wheels.pins import Distribution
from pinlite.events import FetchProgress, Observer
from pinlite.machine import guards
from pinlite.machine.retries import repeated

if TYPE_CHECKING:
    from pinlite.engine.wheels.cache import WheelCache

# How many files come at a time, and how often that is told, in seconds.
_AT_ONCE = 6
_MOMENT = 0.2


def fetched(cache: "WheelCache", files: Collection[Distribution], observe: Observer) -> dict[str, Distribution]:
    """The files, once they are in the cache: each as it is by its bytes, by the sha256 that was expected of it.

    Raises:
        ImageError: One can't be fetched, or is not what its lock names. What has come stays.
    """
    return repeated(lambda: _fetched(cache, files, observe), transfer.may_pass, observe)


def _fetched(cache: "WheelCache", files: Collection[Distribution], observe: Observer) -> dict[str, Distribution]:
    todo, sizes = deque(files), [file.size for file in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    stop, come, ended = Event(), _Count(), SimpleQueue[tuple[Distribution, Distribution | Exception]]()

    def work() -> None:
        while not stop.is_set():
            try:
                file = todo.popleft()
            except IndexError:
                return
            try:
                ended.put((file, _place(cache, file, session, stop, come.add)))
            except Exception as error:  # noqa: BLE001  # raised again by who waits
                ended.put((file, error))

    here: dict[str, Distribution] = {}
    with transfer.session(_AT_ONCE) as session:
        # Nobody waits for them after ^C: a connection can stand still for longer than a user does.
        for _ in range(min(_AT_ONCE, len(todo))):
            Thread(target=work, daemon=True).start()
        try:
            while len(here) < len(sizes):
                with contextlib.suppress(Empty):
                    file, outcome = ended.get(timeout=_MOMENT)
                    if isinstance(outcome, Exception):
                        raise outcome
                    here[file.sha256] = outcome
                observe(FetchProgress(come.so_far, total))
        finally:
            stop.set()
    return here


def _place(
    cache: "WheelCache", file: Distribution, session: requests.Session, stop: Event, count: Callable[[int], None]
) -> Distribution:
    """Fetch one file, unless another run has done so meanwhile."""
    part = cache.coming / f"{file.sha256}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    with _alone(part, stop):
        if cache.has(file):
            count(file.size or 0)
            return file
        found = transfer.receive(file, part, session, stop, count)
        part.chmod(0o644)
        part.replace(cache.place(found))
    return found


class _Count:
    """Bytes that several threads count."""

    def __init__(self) -> None:
        self.so_far = 0
        self._lock = Lock()

    def add(self, more: int) -> None:
        with self._lock:
            self.so_far += more


@contextlib.contextmanager
def _alone(part: Path, stop: Event) -> Iterator[None]:
    """Wait for other runs that fetch the same file, as long as it is wanted."""
    with contextlib.ExitStack() as stack:
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                stack.enter_context(guards.held(part.with_suffix(".guard"), wait=False))
                yield
                return
            stop.wait(_MOMENT)
        raise transfer.Stopped
