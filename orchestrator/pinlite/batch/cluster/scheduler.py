"""A scheduler of Dask, and those of its workers that make what this machine would make.

Importing this imports distributed, the extra ``pinlite[cluster]``.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from distributed import Client, Future

from pinlite.batch.cluster import machines, worker
from pinlite.batch.cluster.job import Machine
from pinlite.errors import ClusterError

# In seconds, between two looks at who is there.
_PAUSE = 1.0
_START = "start one with: dask worker {} --nthreads 1"


@dataclass(frozen=True)
class Patience:
    """In seconds: how long it may take to ``connect``, for how long a scheduler may be ``away`` that was there, and be
    ``idle`` without a worker. A task is begun so many times, ``tries``, where what has ended it was not the model.
    """

    connect: float = 10.0
    away: float = 60.0
    idle: float = 300.0
    tries: int = 3


@dataclass(frozen=True)
class Submitted:
    """A task that a worker is to carry out: one of those at the addresses ``only``, any if there are none."""

    future: "Future[str]"
    only: frozenset[str]


class Scheduler:
    """``note`` tells the user something; ``heard`` is called, by a thread, with what workers tell of a ``topic``."""

    def __init__(
        self,
        address: str,
        patience: Patience,
        note: Callable[[str], None],
        topic: str,
        heard: Callable[[Any], None],
    ) -> None:
        """Connect.

        Raises:
            ClusterError: It can't be reached.
        """
        self.address = address
        self._patience = patience
        self._note = note
        self._topic = topic
        self._heard = heard
        # Why, by the addresses of workers that make something else than this machine.
        self._refused: dict[str, str] = {}
        # How many threads each worker has, by addresses.
        self._there: dict[str, int] = {}
        self._looked = 0.0
        self._idle_since: float | None = None
        self._away_since: float | None = None
        # The connection on which what is told of the topic comes.
        self._listens: object = None
        self._client = self._connected()

    @property
    def is_there(self) -> bool:
        return str(self._client.status) == "running"

    @property
    def threads(self) -> int:
        """How many tasks its workers carry out at a time."""
        return sum(self._there.values())

    def meet(self) -> None:
        """Learn which workers are like this machine."""
        found = self._client.run(worker.machine, on_error="return")
        for address, told in found.items():
            if isinstance(told, OSError):
                continue  # it has gone
            if isinstance(told, BaseException):
                self.refuse(address, f"it can't run pinlite: {type(told).__name__}: {told}")
            elif why := machines.difference(machines.this(), Machine.model_validate_json(told)):
                self.refuse(address, why)

    def refuse(self, address: str, why: str) -> None:
        """Have no task go to a worker."""
        if address not in self._refused:
            self._refused[address] = why
            self._note(f"no model goes to the worker {self._name(address)}: {why}")

    def look(self, under_way: Iterable[Submitted]) -> None:
        """See who is there, now and then; tasks ``under_way`` that wait for workers which are gone are cancelled.

        Raises:
            ClusterError: The scheduler is away for too long, or has no worker for us.
        """
        now = time.monotonic()
        if now - self._looked < _PAUSE:
            return
        self._looked = now
        try:
            if self._is_back(now):
                self._there = self._client.nthreads()
                self._count_workers(now)
        except OSError:
            return  # it has just gone; the next look sees that
        for submitted in under_way:
            # Dask would have a task wait for those alone that it may go to.
            if submitted.only and not submitted.only & self._there.keys():
                submitted.future.cancel()

    def submit(self, text: str, key: str) -> Submitted:
        """Have a `Job` carried out. Dask itself begins a task again whose worker has died, and gives it up after some
        times.
        """
        if self._listens is not self._client.scheduler_comm:
            # A scheduler that has restarted does not know who listens.
            self._client.subscribe_topic(self._topic, self._heard)
            self._listens = self._client.scheduler_comm
        only = frozenset(self._there.keys() - self._refused.keys() if self._refused else ())
        where = {"workers": sorted(only), "allow_other_workers": False} if only else {}
        return Submitted(self._client.submit(worker.carry_out, text, key=key, pure=False, **where), only)

    def close(self, under_way: Iterable[Submitted]) -> None:
        """Have workers end what they do, which see that nobody waits for it."""
        with contextlib.suppress(Exception):
            futures = [submitted.future for submitted in under_way]
            if futures and self.is_there:
                self._client.cancel(futures, force=True)
        with contextlib.suppress(Exception):
            self._client.close(timeout=_PAUSE * 5)

    def _connected(self) -> Client:
        # What happens is told by errors and notices, not in the midst of them.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            return Client(self.address, timeout=self._patience.connect, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ClusterError(
                f"the scheduler {self.address} can't be reached: {str(error).splitlines()[0]}",
                hint="check the address, and that `dask scheduler` runs there; the same command again takes up where "
                "it ended",
            ) from error

    def _is_back(self, now: float) -> bool:
        """Whether the scheduler is there. Where it restarts, the client looks for it for a while, and then we do."""
        if self.is_there:
            self._away_since = None
            return True
        if self._away_since is None:
            self._away_since = now
            self._note(f"the scheduler {self.address} is away; what it had to do is begun again once it is there")
        if str(self._client.status) == "closed":
            try:
                self._client = self._connected()
            except ClusterError:
                if now - self._away_since > self._patience.away:
                    raise
        return False

    def _count_workers(self, now: float) -> None:
        if self._there.keys() - self._refused.keys():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
            if not self._there:
                self._note(f"{self.address} has no worker yet; {_START.format(self.address)}")
        elif self._there:
            address = next(iter(self._there))
            raise ClusterError(
                f"no worker of {self.address} would make what this machine makes: {self._name(address)}: "
                f"{self._refused[address]}",
                hint="install the same pinlite on all of them, with the same toolchains",
            )
        elif now - self._idle_since > self._patience.idle:
            raise ClusterError(
                f"{self.address} has had no worker for {self._patience.idle:g} s", hint=_START.format(self.address)
            )

    def _name(self, address: str) -> str:
        """What a worker is called."""
        try:
            return str(self._client.scheduler_info()["workers"][address]["name"])
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            return address
