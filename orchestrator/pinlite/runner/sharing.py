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
from typing import TYPE_CHECKING, Any, Self

from pinlite.errors import RegistryError
from pinlite.events import Notice, Observer, ignore
from pinlite.registry import Reference
from pinlite.runner.protocol import Done
from pinlite.runner.pushing import PushBounds, Pusher
from pinlite.stages.stage import Stage
from pinlite.store.files import Store
from pinlite.store.record import Record
from pinlite.store.remote import Place, RemoteStore
from pinlite.trust.keys import TrustedKeys, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Of the time of what ran here, the share that looking it up before may take.
_SHARE = 0.25
# The least that a lookup may take, in seconds, however much others took.
_LEAST = 1.0


@dataclass(frozen=True)
class Bounds:
    """What lookups may cost: so many ``seconds`` beyond what they save and a share of what then runs, and so many
    ``faults`` in a row; after that nothing is asked for ``pause`` seconds. ``pushing`` has the bounds of the other
    direction.
    """

    seconds: float = 30.0
    faults: int = 3
    pause: float = 300.0
    pushing: PushBounds = field(default_factory=PushBounds)


class Standing:
    """A registry, and what this process has found of it so far: runs that come after another, as in a batch, need not
    find out again that it is away. Threads may share it.
    """

    def __init__(self, remote: RemoteStore, bounds: Bounds | None = None) -> None:
        self.remote = remote
        self.bounds = bounds or Bounds()
        self._changing = threading.Lock()
        # Of `time.monotonic`: when it is asked again, and pushed to.
        self._asked_from = self._pushed_from = 0.0
        self._begin()

    def _begin(self) -> None:
        self._faults, self._left = 0, self.bounds.seconds

    @property
    def is_asked(self) -> bool:
        return time.monotonic() >= self._asked_from

    @property
    def is_pushed_to(self) -> bool:
        return time.monotonic() >= self._pushed_from

    @property
    def left(self) -> float:
        """How many seconds a lookup may take beyond what it saves."""
        return max(self._left, _LEAST)

    def pushes_no_more(self) -> None:
        """For a while."""
        self._pushed_from = time.monotonic() + self.bounds.pause

    def failed(self) -> bool:
        """Note a lookup that came to nothing; whether it was the last for a while."""
        with self._changing:
            self._faults += 1
            return self._faults >= self.bounds.faults and self._give_up()

    def answered(self) -> None:
        self._faults = 0

    def spend(self, seconds: float) -> bool:
        """Note what a lookup took beyond what it saved, or less; whether it was the last for a while."""
        with self._changing:
            self._left -= seconds
            return self._left < 0 and self._give_up()

    def _give_up(self) -> bool:
        if not self.is_asked:
            return False
        self._asked_from = time.monotonic() + self.bounds.pause
        self._begin()
        return True


_STANDINGS = dict[tuple[str, frozenset[str], str], Standing]()


def standing(reference: Reference, trusted: TrustedKeys, signing: "Ed25519PrivateKey | None") -> Standing:
    """A registry as this process knows it, with those keys."""
    signer = key_id(signing.public_key()) if signing else ""
    return _STANDINGS.setdefault(
        (str(reference), frozenset(trusted.by_id), signer), Standing(RemoteStore(reference, trusted, signing))
    )


class Sharing:
    """A context, for the runs of one runner. Threads may share it."""

    def __init__(self, standing: Standing, observe: Observer = ignore) -> None:
        self._standing = standing
        self._remote = standing.remote
        self._observe = observe
        self._pusher = Pusher(self._remote, observe, standing.bounds.pushing)
        self._found = 0

    @property
    def keys(self) -> frozenset[str]:
        """The ids of the keys whose records are believed."""
        return frozenset(self._remote.trusted.by_id)

    def find(self, key: str, stage: Stage, folder: Path, store: Store) -> tuple[Record, dict[str, Path]] | None:
        """A record that a trusted key has signed, and its outputs, in a new folder, by role; None where there is none,
        or none that can be had.
        """
        if not self._standing.is_asked:
            return None
        began, saves = time.monotonic(), 0.0
        most = self._standing.left

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
            more = "; it is not asked for a while" if self._standing.failed() else ""
            self._observe(Notice(f"{stage.name} is not taken from {self._remote.reference}: {error}{more}"))
        except OSError as error:
            self._observe(Notice(f"what {self._remote.reference} has of {stage.name} can't be kept: {error.strerror}"))
        else:
            self._standing.answered()
        if found is None:
            shutil.rmtree(folder, ignore_errors=True)
        self._found += found is not None
        if self._standing.spend(time.monotonic() - began - (saves if found else 0.0)):
            self._observe(
                Notice(f"{self._remote.reference} takes more time than it saves, and is not asked for a while")
            )
        return found

    def offer(self, done: Done[Any], stage: Stage, *, trust: bool) -> None:
        """Have what ran here pushed, in the background, if there is a key that signs, and anybody can vouch for it."""
        self._standing.spend(-_SHARE * done.record.seconds)
        if self._remote.signs and may_sign(done, trust=trust) and self._standing.is_pushed_to:
            place = Place.of(done.record.preimage.key, measures=stage.measures)
            self._pusher.push(done.record, place, {role: output.path for role, output in done.outputs.items()})

    def held(self, stage: Stage) -> AbstractContextManager[None]:
        """While this context is entered, the stage runs as if nothing were shared."""
        return self._pusher.held() if stage.measures else contextlib.nullcontext()

    def __enter__(self) -> Self:
        self._pusher.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whoever interrupts waits for nothing.
        self._pusher.close(wait=kind is None or issubclass(kind, Exception))
        if self._pusher.gave_up:
            self._standing.pushes_no_more()
        if self._found or self._pusher.pushed:
            came, went = _results(self._found), _results(self._pusher.pushed)
            self._observe(Notice(f"{came} came from {self._remote.reference}, {went} went there"))
        if self._pusher.left:
            self._observe(Notice(f"{_results(self._pusher.left)} did not get to {self._remote.reference}"))


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
