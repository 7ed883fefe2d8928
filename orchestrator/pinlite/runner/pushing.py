"""Records on their way to a registry, in the background: so many at most, and for so long at the end.

Importing this imports what asks registries.
"""

import contextlib
import itertools
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pinlite.errors import RegistryError
from pinlite.events import Notice, Observer
from pinlite.machine import temporary

if TYPE_CHECKING:
    from pinlite.store.record import Record
    from pinlite.store.remote import Place, RemoteStore

# What ends by itself: a request that is cancelled between two parts of a file.
_CANCELLED = 1.0


@dataclass(frozen=True)
class PushBounds:
    """So many ``records`` and bytes (``size``) may wait, and at the ``end`` so many seconds; after so many ``faults``
    in a row nothing more is pushed.
    """

    records: int = 256
    size: int = 4 * 2**30
    faults: int = 3
    end: float = 60.0


@dataclass(frozen=True)
class _Waiting:
    record: "Record"
    place: "Place"
    folder: Path
    outputs: Mapping[str, Path]
    size: int


class Pusher:
    """A context; leaving it waits, unless by an exception that ends the program."""

    def __init__(self, remote: "RemoteStore", observe: Observer, bounds: PushBounds) -> None:
        self._remote = remote
        self._observe = observe
        self._bounds = bounds
        self._numbers = itertools.count()
        # It guards all that follows.
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._held = 0
        self._faults = 0
        self._is_over = False
        self._thread: threading.Thread | None = None
        # How many records are there now, and how many are not; and whether that is no use to try again soon.
        self.pushed = 0
        self.left = 0
        self.gave_up = False

    def push(self, record: "Record", place: "Place", outputs: Mapping[str, Path]) -> None:
        """Have a record pushed, and its outputs, which get names of their own until then."""
        size = sum(output.size for output in record.outputs.values())
        with self._changed:
            room = self._bounds.size - sum(waiting.size for waiting in self._waiting)
            if self._is_over or size > room or len(self._waiting) >= self._bounds.records:
                self.left += 1
                return
            folder = self._folder / str(next(self._numbers))
            try:
                laid = {role: _laid(path, folder / role) for role, path in outputs.items()}
            except OSError:
                shutil.rmtree(folder, ignore_errors=True)
                self.left += 1
                return
            self._waiting.append(_Waiting(record, place, folder, laid, size))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pinlite-push", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Begin to push no further file while this context is entered: something is timed."""
        with self._changed:
            self._held += 1
        try:
            yield
        finally:
            with self._changed:
                self._held -= 1
                self._changed.notify_all()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(temporary.folder())).resolve()
            self._stack = stack.pop_all()
        return self

    def close(self, *, wait: bool) -> None:
        """Wait for what is on its way, within the bounds; drop what is then left."""
        with self._stack, self._changed:
            try:
                if wait:
                    self._changed.wait_for(lambda: not self._waiting, self._bounds.end)
            finally:
                self._end()
            self._changed.wait_for(lambda: not self._thread, _CANCELLED)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_over)
                if self._is_over:
                    self._thread = None
                    self._changed.notify_all()
                    return
                going = self._waiting[0]
            try:
                self._remote.push(going.record, going.place, going.outputs, self._go_on)
            except CancelledError:
                continue
            except RegistryError as error:
                self._failed(going, error)
            except Exception as error:  # noqa: BLE001  # a thread that ends so would have the run wait for nothing
                self._observe(Notice(f"the result of {going.record.stage} is not pushed: {error}"))
                self._done(is_there=False)
            else:
                self._faults = 0
                self._done(is_there=True)
            finally:
                # There may be thousands, in a batch.
                shutil.rmtree(going.folder, ignore_errors=True)

    def _done(self, *, is_there: bool) -> None:
        with self._changed:
            if not self._is_over:
                self._waiting.popleft()
                self.pushed += is_there
                self.left += not is_there
                self._changed.notify_all()

    def _failed(self, going: _Waiting, error: RegistryError) -> None:
        with self._changed:
            self._faults += 1
            # What won't pass won't pass for the next either: it is full, or takes nothing.
            gives_up = not error.may_pass or self._faults >= self._bounds.faults
        more = "; nothing more is pushed in this run" if gives_up else ""
        self._observe(Notice(f"the result of {going.record.stage} is not pushed: {error}{more}"))
        self._done(is_there=False)
        if gives_up:
            with self._changed:
                self.gave_up = True
                self._end()

    def _end(self) -> None:
        self._is_over = True
        self.left += len(self._waiting)
        self._waiting.clear()
        self._changed.notify_all()

    def _go_on(self, count: int) -> None:
        """Called between two parts of a file, and with 0 between two files."""
        with self._changed:
            if count == 0:
                self._changed.wait_for(lambda: not self._held or self._is_over)
            if self._is_over:
                raise CancelledError


def _laid(path: Path, place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_dir():
        temporary.lay(path, place)
        return place
    for file in path.rglob("*"):
        if file.is_file():
            target = place / file.relative_to(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.lay(file, target)
    place.mkdir(exist_ok=True)
    return place
