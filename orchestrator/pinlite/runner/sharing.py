"""What runs here is looked up in a registry before, and pushed there afterwards. None of that can fail a run.

A registry that is away, slow, full or wrong costs a notice and some time: what it does not give is made here. Importing
this imports what asks registries and reads keys.
"""

import contextlib
import shutil
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pinlite.errors import RegistryError
from pinlite.events import Notice, Observer, ignore
from pinlite.runner.protocol import Done
from pinlite.runner.pushing import PushBounds, Pusher
from pinlite.stages.stage import Stage
from pinlite.store.files import Store
from pinlite.store.record import Record
from pinlite.store.remote import Place, RemoteStore

# Of the time of what ran here, the share that looking it up before may take.
_SHARE = 0.25
# The least that a lookup may take, in seconds, however much others took.
_LEAST = 1.0


@dataclass(frozen=True)
class Bounds:
    """What lookups may cost: so many ``seconds`` beyond what they save and a share of what then runs, and so many
    ``faults`` in a row. ``pushing`` has the bounds of the other direction.
    """

    seconds: float = 30.0
    faults: int = 3
    pushing: PushBounds = field(default_factory=PushBounds)


class Sharing:
    """A context, for one runner or for several, which may be entered again while it is entered; the last to leave waits
    for what is still on its way. Threads may share it.
    """

    def __init__(self, remote: RemoteStore, observe: Observer = ignore, bounds: Bounds | None = None) -> None:
        self._remote = remote
        self._observe = observe
        self._bounds = bounds or Bounds()
        self._pusher = Pusher(remote, observe, self._bounds.pushing)
        self._changing = threading.Lock()
        self._entered = 0
        self._asks = True
        self._faults = 0
        self._left = self._bounds.seconds
        self._found = 0

    @property
    def keys(self) -> frozenset[str]:
        """The ids of the keys whose records are believed."""
        return frozenset(self._remote.trusted.by_id)

    def find(self, key: str, stage: Stage, folder: Path, store: Store) -> tuple[Record, dict[str, Path]] | None:
        """A record that a trusted key has signed, and its outputs, in a new folder, by role; None where there is none,
        or none that can be had.
        """
        if not self._asks:
            return None
        began, saves = time.monotonic(), 0.0
        most = max(self._left, _LEAST)

        def watch(_: int) -> None:
            if time.monotonic() - began > most + saves:
                raise RegistryError("it sends too slowly to save any time")

        found = None
        try:
            signed = self._remote.find(Place.of(key, measures=stage.measures), watch)
            if signed:
                saves = signed.record.seconds
                found = signed.record, self._remote.fetch(signed, folder, store, watch)
        except RegistryError as error:
            self._asked_in_vain(stage, error)
        except OSError as error:
            self._observe(Notice(f"what {self._remote.reference} has of {stage.name} can't be kept: {error.strerror}"))
        else:
            self._faults = 0
        if found is None:
            shutil.rmtree(folder, ignore_errors=True)
        with self._changing:
            self._found += found is not None
            self._left += (saves if found else 0.0) - (time.monotonic() - began)
            is_too_slow = self._left < 0 and self._asks
            self._asks = self._asks and not is_too_slow
        if is_too_slow:
            self._observe(Notice(f"{self._remote.reference} takes more time than it saves, and is asked no more"))
        return found

    def offer(self, done: Done[Any], stage: Stage, *, trust: bool) -> None:
        """Have what ran here pushed, in the background, if there is a key that signs, and anybody can vouch for it."""
        with self._changing:
            self._left += _SHARE * done.record.seconds
        if self._remote.signs and may_sign(done, trust=trust):
            place = Place.of(done.record.preimage.key, measures=stage.measures)
            self._pusher.push(done.record, place, {role: output.path for role, output in done.outputs.items()})

    def held(self, stage: Stage) -> AbstractContextManager[None]:
        """While this context is entered, the stage runs as if nothing were shared."""
        return self._pusher.held() if stage.measures else contextlib.nullcontext()

    def __enter__(self) -> Self:
        with self._changing:
            if self._entered == 0:
                self._pusher.__enter__()
            self._entered += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changing:
            self._entered -= 1
            is_last = self._entered == 0
        if not is_last:
            return
        # Whoever interrupts waits for nothing.
        self._pusher.close(wait=kind is None or issubclass(kind, Exception))
        if self._found or self._pusher.pushed:
            came, went = _results(self._found), _results(self._pusher.pushed)
            self._observe(Notice(f"{came} came from {self._remote.reference}, {went} went there"))
        if self._pusher.left:
            self._observe(Notice(f"{_results(self._pusher.left)} did not get to {self._remote.reference}"))

    def _asked_in_vain(self, stage: Stage, error: RegistryError) -> None:
        with self._changing:
            self._faults += 1
            gives_up = self._asks and self._faults >= self._bounds.faults
            self._asks = self._asks and not gives_up
        more = "; it is asked no more in this run" if gives_up else ""
        self._observe(Notice(f"{stage.name} is not taken from {self._remote.reference}: {error}{more}"))


def may_sign(done: Done[Any], *, trust: bool) -> bool:
    """Whether a signature may vouch for what ran: no file but the run's own can have changed it; or who asked for it
    says with ``trust`` to know who wrote all that its worker has read. What workers made that stay for any run is
    nobody's to vouch for.
    """
    if done.shared == "user":
        return False
    return trust or (done.isolated and done.shared == "run")


def _results(count: int) -> str:
    return f"{count} result" if count == 1 else f"{count} results"
