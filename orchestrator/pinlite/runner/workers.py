"""The workers of one run: started ahead of their requests, handed out in time, and always ended or given back."""

import contextlib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pinlite.engine import Image, Job, Worker, written
from pinlite.errors import UsageError
from pinlite.events import Observer, RunStarted, ignore
from pinlite.machine import logs, temporary
from pinlite.schema.recipe import Limits
from pinlite.stages.stage import Stage


class Workers:
    """A context: leaving it ends every worker, or gives it back to who keeps it, and removes the run's folder, whatever
    has happened.
    """

    def __init__(
        self,
        start: Callable[[Job], Worker],
        images: Mapping[str, Image],
        limits: Limits,
        observe: Observer = ignore,
        *,
        run: str,
        keep_warm: float = 0.0,
        keeper: str = "",
    ) -> None:
        """``start`` is an engine's; ``images`` has those of the stages, by what these call them; ``run`` names the logs
        and what is started. Those that run no user code may serve others ``keep_warm`` seconds after the run: all of
        the user's, or those alone that name the same ``keeper``, which also starts what runs user code ahead.
        """
        self.run = run
        self._start_job = start
        self._images = images
        self._limits = limits
        self._observe = observe
        self._keep_warm = keep_warm
        self._keeper = keeper
        self._asked: list[Job] = []
        self._started: dict[tuple[str, str], Future[Worker]] = {}
        # How often a worker was started for an image and program, and how often a stage of a name was asked for.
        self._starts: Counter[tuple[str, str]] = Counter()
        self._requests: Counter[str] = Counter()
        # Where the inputs of a worker's requests lie below its mount, by the worker's folder, their digest and ending.
        self.placed: dict[tuple[Path, str, str], str] = {}
        self._running: list[Worker] = []
        self._ended = False
        # Actions run in threads, which ask for workers; a worker has one request at a time.
        self._asking = threading.RLock()
        self._turns: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(temporary.folder())).resolve()
            try:
                self.logs = logs.start(self.run)
            except OSError as error:
                raise UsageError(
                    f"{error.filename} can't be made: {error.strerror}",
                    hint="PINLITE_CACHE=FOLDER names another folder for it",
                ) from error
            self._observe(RunStarted(self.logs))
            # Few at a time, so that workers start in the order in which they are needed.
            self._starter = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pinlite-start")
            stack.callback(self._remove_written)
            stack.callback(self._end_all)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start(self, stages: Sequence[Stage]) -> None:
        """Start what the stages need, without waiting: imports overlap with the stages before."""
        for stage in stages:
            self._ask(stage)

    def _ask(self, stage: Stage) -> Future[Worker]:
        key = self._key(stage)
        with self._asking:
            if key not in self._started:
                image = self._images[stage.image]
                name = _numbered(f"{image.name}-{stage.program.rpartition('.')[2]}", self._starts[key])
                self._starts[key] += 1
                # An environment of the user's own is none of an engine's.
                once = stage.runs_user_code and bool(self._keeper) and not image.interpreter
                job = Job(
                    image=image,
                    program=stage.program,
                    folder=self.folder / name,
                    log=self.logs / f"{name}.log",
                    run=self.run,
                    limits=self._limits,
                    keep_warm=0.0 if stage.runs_user_code and not once else self._keep_warm,
                    keeper=self._keeper,
                    once=once,
                )
                self._asked.append(job)
                self._started[key] = self._starter.submit(self._start, job)
            return self._started[key]

    @contextlib.contextmanager
    def turn(self, stage: Stage) -> Iterator[None]:
        """While this context is entered, the worker that serves a stage is the thread's alone; a CancelledError once
        the workers are ended.
        """
        with self._asking:
            turn = self._turns[self._key(stage)]
        with turn:
            if self._ended:
                raise CancelledError
            yield

    def get(self, stage: Stage) -> Worker:
        """The worker that serves a stage; waits until its process is started."""
        return self._ask(stage).result()

    def drop(self, stage: Stage) -> None:
        """Have the stage served by a new worker from now on: its own crashed, or can't be trusted to answer."""
        self._leave(stage, lambda worker: worker.stop())

    def release(self, stage: Stage) -> None:
        """Be done with the worker that serves a stage: it may hold much memory."""
        self._leave(stage, lambda worker: worker.release())

    def _leave(self, stage: Stage, leave: Callable[[Worker], None]) -> None:
        with self._asking:
            started = self._started.pop(self._key(stage), None)
        if started:
            with contextlib.suppress(Exception):  # that it did not start is known
                leave(started.result())

    @property
    def are_ended(self) -> bool:
        return self._ended

    def request_name(self, stage: Stage) -> str:
        """A name for the files of a request to the stage, which none of the run has had before; nor one of another run
        where workers stay, for these know what they have loaded by the names of files.
        """
        name = f"{self.run}-{stage.name}" if self._keep_warm else stage.name
        with self._asking:
            self._requests[stage.name] += 1
            return _numbered(name, self._requests[stage.name] - 1)

    def _key(self, stage: Stage) -> tuple[str, str]:
        """Stages of one image and program share a worker."""
        return self._images[stage.image].name, stage.program

    def _start(self, job: Job) -> Worker:
        """Keeps what it starts: ^C can reach the main thread before that has the future in its hands."""
        if self._ended:
            raise CancelledError
        worker = self._start_job(job)
        self._running.append(worker)
        return worker

    def _remove_written(self) -> None:
        """What workers wrote, and may have written so that removing it fails; the rest of the folder is our own."""
        for job in self._asked:
            for folder in (job.outputs, job.scratch):
                with contextlib.suppress(FileNotFoundError):
                    written.remove(folder)

    def _end_all(self) -> None:
        self._ended = True
        self._starter.shutdown(cancel_futures=True)
        if self._running:
            with ThreadPoolExecutor(max_workers=len(self._running), thread_name_prefix="pinlite-end") as ender:
                for ending in [ender.submit(worker.release) for worker in self._running]:
                    ending.result()
        # The threads that waited for workers may have files of the run's folder in their hands.
        with self._asking:
            turns = [*self._turns.values()]
        for turn in turns:
            with turn:
                pass


def _numbered(name: str, before: int) -> str:
    return f"{name}-{before}" if before else name
