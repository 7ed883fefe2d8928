"""An `Executor` that has tasks carried out by the workers of a Dask scheduler.

Importing this imports distributed, the extra ``pinlite[cluster]``.
"""

import contextlib
import functools
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import Future as Local
from dataclasses import dataclass, field
from typing import Any

from distributed import Future, KilledWorker

from pinlite.batch import one_model
from pinlite.batch.cluster import events, exchange, receiving, sending, worker
from pinlite.batch.cluster.job import Outcome
from pinlite.batch.cluster.scheduler import Patience, Scheduler, Submitted
from pinlite.batch.cluster.sending import Sent
from pinlite.batch.tasks import Task
from pinlite.conversion.run import Shared
from pinlite.errors import ClusterError, PinliteError, RegistryError, StageCrashError
from pinlite.events import BatchEvent, BatchObserver, Event, InModel, ModelFinished, ModelStarted, Notice
from pinlite.schema.batch import ModelResult
from pinlite.store import runs

_TURN = 0.5
# Files are read, hashed, sent and written by so many threads.
_CARRIERS = 4
_AGAIN = "run the same command again: what is done is not done again"


@dataclass
class ClusterExecutor:
    """An `Executor`. ``address`` is the scheduler's; what tasks need and make goes through ``exchange``, an address for
    `pinlite.batch.cluster.exchange.at`. Models share workers as ``shared`` says, on each machine.
    """

    address: str
    exchange: str
    shared: Shared | None = None
    patience: Patience = field(default_factory=Patience)

    def results(self, tasks: Sequence[Task], observe: BatchObserver) -> Generator[ModelResult]:
        """As `Executor.results`. Where the scheduler is away for too long, or has no worker for us any more, the tasks
        that are left fail by that.

        Raises:
            ClusterError: The scheduler can't be reached.
        """
        left = {task.name: task for task in tasks}
        with contextlib.closing(_Course(self, tasks, observe)) as course:
            try:
                for result in course.results():
                    del left[result.name]
                    yield result
            except ClusterError as error:
                yield from (one_model.failed(task, error) for task in left.values())


@dataclass
class _Running:
    """A task from its first look to its folder. It ``waits_until`` then, by the clock of `time.monotonic`."""

    task: Task
    tries: int = 0
    sent: Sent | None = None
    submitted: Submitted | None = None
    worker: str = ""
    waits_until: float = 0.0
    has_started: bool = False


# What is to be done by the thread that keeps the books, as another one has come to something.
_Happened = Callable[[], ModelResult | None]


class _Course:
    """One batch on its way through a cluster."""

    def __init__(self, asked: ClusterExecutor, tasks: Sequence[Task], observe: BatchObserver) -> None:
        self._asked = asked
        self._observe = observe
        self._exchange = exchange.at(asked.exchange, self._count)
        self._own = runs.own_files()
        self._topic = f"pinlite-{uuid.uuid4().hex[:12]}"
        self._happened: queue.SimpleQueue[_Happened] = queue.SimpleQueue()
        # The largest first: one of these at the end would leave the other workers with nothing to do.
        self._waiting = deque(map(_Running, sorted(tasks, key=lambda task: -task.size)))
        self._under_way: dict[str, _Running] = {}
        self._store_is_away: RegistryError | None = None
        self._is_over = threading.Event()
        self._threads = ThreadPoolExecutor(_CARRIERS, "pinlite-cluster")
        self._scheduler = Scheduler(asked.address, asked.patience, self._note, self._topic, self._heard)

    def results(self) -> Iterator[ModelResult]:
        self._scheduler.meet()
        while self._waiting or self._under_way:
            self._scheduler.look(self._submitted())
            self._begin()
            with contextlib.suppress(queue.Empty):
                if result := self._happened.get(timeout=_TURN)():
                    yield result

    def close(self) -> None:
        """End what is under way."""
        self._is_over.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._scheduler.close(self._submitted())
        # A file that is half sent or written is ended first.
        self._threads.shutdown()

    def _submitted(self) -> list[Submitted]:
        return [running.submitted for running in self._under_way.values() if running.submitted]

    # The way of a task: looked up and sent, carried out, received.

    def _begin(self) -> None:
        """Have more under way, as many as keep all workers busy, and the next ones ready."""
        if not self._scheduler.is_there:
            return
        now = time.monotonic()
        for _ in range(len(self._waiting)):
            if len(self._under_way) >= 2 * max(self._scheduler.threads, 1) + _CARRIERS:
                return
            running = self._waiting.popleft()
            if running.waits_until > now:
                self._waiting.append(running)
                continue
            self._under_way[running.task.name] = running
            if running.sent:
                self._submit(running, running.sent)
            else:
                self._beside(running, functools.partial(self._looked_up, running), self._known_or_sent)

    def _beside(
        self, running: _Running, do: Callable[[], Any], then: Callable[[_Running, Any], ModelResult | None]
    ) -> None:
        """Have something done by a thread; what comes of it is told to ``then`` by this one."""

        def ended(done: Local[Any]) -> None:
            if not done.cancelled():
                self._happened.put(lambda: self._ended(running, done, then))

        self._threads.submit(do).add_done_callback(ended)

    def _ended(
        self, running: _Running, done: Local[Any], then: Callable[[_Running, Any], ModelResult | None]
    ) -> ModelResult | None:
        try:
            made = done.result()
        except PinliteError as error:
            if exchange.may_pass(error) and not self._store_is_away:
                # Each model would wait for it as long.
                self._store_is_away = error
                self._note(f"{error}; models whose files are not there yet fail")
            return self._end(running, one_model.failed(running.task, error))
        except OSError as error:
            told = f"{error.filename or running.task.out}: {error.strerror or error}"
            return self._end(
                running, one_model.failed(running.task, ClusterError(told, hint=f"make room, and {_AGAIN}"))
            )
        except Exception as error:  # noqa: BLE001  # a bug met by one model takes no other with it
            return self._end(running, one_model.bug(running.task, error))
        return then(running, made)

    def _looked_up(self, running: _Running) -> ModelResult | Sent:
        """By a thread: what was made before, or the task as it can be carried out elsewhere."""
        if found := one_model.kept(running.task, self._own):
            return found
        if self._store_is_away:
            raise self._store_is_away
        return sending.sent(running.task, self._exchange, self._asked.shared, self._topic, self._told_of(running))

    def _known_or_sent(self, running: _Running, made: ModelResult | Sent) -> ModelResult | None:
        if isinstance(made, ModelResult):
            return self._end(running, made)
        running.sent = made
        return self._submit(running, made)

    def _submit(self, running: _Running, sent: Sent) -> ModelResult | None:
        if not self._scheduler.is_there:
            return self._again(running)
        running.tries += 1
        key = f"{self._topic}-{running.task.name}-{uuid.uuid4().hex[:8]}"
        running.submitted = self._scheduler.submit(sent.job.to_json(), key)
        running.submitted.future.add_done_callback(
            lambda future: self._happened.put(lambda: self._carried_out(running, future))
        )
        return None

    def _carried_out(self, running: _Running, future: "Future[str]") -> ModelResult | None:
        if running.submitted is None or running.submitted.future is not future:
            return None
        running.submitted = None
        crash = "the worker's log says more; the machine may be out of memory: convert the model alone to see more"
        try:
            told = future.result(timeout=self._asked.patience.away)
        except (CancelledError, TimeoutError) as error:
            return self._again(running, f"the scheduler lost it: {_first_line(error)}")
        except KilledWorker as error:
            died = StageCrashError(
                f"each worker that converted it ended, the last {error.last_worker.address}", hint=crash
            )
            return self._end(running, one_model.failed(running.task, died))
        except worker.CarrierDiedError as error:
            died = StageCrashError(f"the process that converted it {error}", hint=crash)
            return self._end(running, one_model.failed(running.task, died))
        except Exception as error:  # noqa: BLE001  # whatever a worker raises that has another pinlite, or none
            self._scheduler.meet()
            return self._again(running, f"{type(error).__name__}: {_first_line(error)}")
        return self._answered(running, Outcome.model_validate_json(told))

    def _answered(self, running: _Running, outcome: Outcome) -> ModelResult | None:
        if outcome.refused:
            self._scheduler.refuse(outcome.address, outcome.refused)
            running.tries -= 1
            return self._again(running)
        if outcome.unavailable or outcome.hindered:
            told = f"{outcome.worker}: {outcome.unavailable or outcome.hindered}"
            return self._again(running, told, RegistryError if outcome.unavailable else ClusterError)
        running.worker = outcome.worker
        self._beside(running, functools.partial(self._received, running, outcome), self._end)
        return None

    def _received(self, running: _Running, outcome: Outcome) -> ModelResult:
        """By a thread."""
        assert running.sent is not None, "only what was sent comes back"
        return receiving.written(running.sent, outcome, self._exchange, self._own, self._told_of(running))

    def _again(
        self, running: _Running, why: str = "", kind: type[ClusterError | RegistryError] = ClusterError
    ) -> ModelResult | None:
        """Begin a task once more, which is safe: nothing of it is here, and what it makes is told by its content. The
        last time it is an error of a ``kind``.
        """
        if running.tries >= self._asked.patience.tries:
            error = kind(f"it was begun {running.tries} times; the last time {why}", hint=_AGAIN)
            return self._end(running, one_model.failed(running.task, error))
        del self._under_way[running.task.name]
        running.waits_until = time.monotonic() + _TURN
        self._waiting.append(running)
        return None

    def _end(self, running: _Running, result: ModelResult) -> ModelResult:
        self._pass_on(ModelStarted(running.task.name))
        self._under_way.pop(running.task.name, None)
        return result.model_copy(update={"worker": running.worker})

    # What is told meanwhile.

    def _note(self, text: str) -> None:
        some = next(iter(self._under_way), self._waiting[0].task.name if self._waiting else "")
        self._observe(InModel(some, Notice(text)))

    def _told_of(self, running: _Running) -> Callable[[Event], None]:
        """The observer of what a thread does for a task."""
        name = running.task.name
        return lambda event: self._happened.put(lambda: self._pass_on(InModel(name, event)))

    def _heard(self, told: tuple[float, list[Any]]) -> None:
        if event := events.unpacked(told[1]):
            self._happened.put(lambda: self._pass_on(event))

    def _pass_on(self, event: BatchEvent) -> None:
        """What is told of a task may come after its end, and twice where it was begun again."""
        if isinstance(event, ModelFinished) or not (running := self._under_way.get(event.model)):
            return
        is_notice = isinstance(event, InModel) and isinstance(event.event, Notice)
        if is_notice or isinstance(event, ModelStarted) != running.has_started:
            running.has_started = running.has_started or isinstance(event, ModelStarted)
            self._observe(event)

    def _count(self, _: int) -> None:
        """Told of bytes on their way; what it raises ends that."""
        if self._is_over.is_set():
            raise InterruptedError(0, "the batch is over")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
