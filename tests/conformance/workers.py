"""The cases of a suite through its steps, by workers that outlast each other's crashes."""

import contextlib
import itertools
import os
import queue
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from suites import WRITTEN, Step, Suite

from pinlite.contract import Failure, Request
from pinlite.engine import Image, Job, VenvEngine, Worker
from pinlite.errors import StageCrashError
from pinlite.schema.recipe import Limits

LIMITS = Limits(memory=3 * 1024**3, timeout=60, processes=256)
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Case:
    """``image`` is the one whose onnx package brings it."""

    image: str
    kind: str
    name: str
    operator: str


@dataclass(frozen=True)
class Result:
    """``stage``: where it stopped. ``inputs``: how many are fed. ``constants``: all that is fed beside the first
    was made constants of the model.
    """

    kind: str
    name: str
    operator: str
    status: str = ""
    stage: str = ""
    reason: str = ""
    inputs: int = 0
    constants: bool = False
    seconds: float = 0.0


class StoppedError(Exception):
    """A step does not go on with a case."""

    def __init__(self, step: Step, failure: Failure) -> None:
        super().__init__(failure.message)
        self.step = step
        self.failure = failure


class Workers:
    """One worker for each program, started again when it is asked after it has gone.

    All work in one folder: what one writes the next one reads.
    """

    def __init__(self, engine: VenvEngine, images: Mapping[str, Image], folder: Path) -> None:
        self._engine = engine
        self._images = images
        self._folder = folder
        self._running: dict[tuple[str, str], Worker] = {}

    def start(self, step: Step) -> Worker:
        key = (step.image, step.program)
        if key not in self._running:
            number = next(_NUMBERS)
            log, run = self._folder / f"{number}.log", f"onnx-{os.getpid()}-{number}"
            job = Job(self._images[step.image], step.program, self._folder, log, run, LIMITS)
            self._running[key] = self._engine.start(job)
        return self._running[key]

    def ask(self, step: Step, place: str, **parameters: Any) -> dict[str, Any]:
        """The result of a step on the files in a place of the folder; StoppedError, or StageCrashError."""
        request = Request(
            id=place,
            operation=step.operation,
            parameters={**step.parameters, **parameters},
            inputs={role: f"{place}/{file}" for role, file in step.inputs.items()},
            outputs={role: f"{place}/{file}" for role, file in step.outputs.items()},
        )
        try:
            response = self.start(step).request(request)
        except StageCrashError:
            self._running.pop((step.image, step.program)).stop()
            raise
        if response.error:
            raise StoppedError(step, response.error)
        assert response.result is not None
        return response.result

    def stop(self) -> None:
        for worker in self._running.values():
            worker.stop()


class Runner:
    """The cases of a suite, as many at a time as there are processors. Leaving the context stops its workers."""

    def __init__(self, suite: Suite, engine: VenvEngine, images: Mapping[str, Image], folder: Path) -> None:
        self._suite = suite
        self._folder = folder / "out"
        self._folder.mkdir()
        (folder / "in").symlink_to("out")
        # Making its tests takes an onnx package many seconds: that is done once.
        self._sources, self._source = Workers(engine, images, folder), threading.Lock()
        self._lines = [Workers(engine, images, folder) for _ in range(os.cpu_count() or 1)]

    def __enter__(self) -> Self:
        for line in self._lines:
            for step in self._suite.steps:
                line.start(step)
        return self

    def __exit__(self, *_: object) -> None:
        for workers in (self._sources, *self._lines):
            workers.stop()

    def cases(self) -> list[Case]:
        found = []
        for source in self._suite.sources:
            listed = self._sources.ask(Step(source.image, "cases", "cases"), "cases", kinds=source.kinds)
            found += [Case(image=source.image, **entry) for entry in listed["cases"]]
        return found

    def run(self, cases: Sequence[Case]) -> list[Result]:
        """The results in the order of the cases."""
        waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
        for case in cases:
            waiting.put(case)
        found: dict[Case, Result] = {}
        threads = [threading.Thread(target=self._serve, args=(line, waiting, found)) for line in self._lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [found[case] for case in cases]

    def _serve(self, line: Workers, waiting: queue.SimpleQueue[Case], found: dict[Case, Result]) -> None:
        with contextlib.suppress(queue.Empty):
            while case := waiting.get_nowait():
                started = time.monotonic()
                result = self._tried(line, case, constants=False)
                if result.status == "refused" and result.inputs > 1:
                    result = self._tried(line, case, constants=True)
                found[case] = replace(result, seconds=round(time.monotonic() - started, 3))

    def _tried(self, line: Workers, case: Case, *, constants: bool) -> Result:
        tried = Result(case.kind, case.name, case.operator, constants=constants)
        place = f"{case.kind}-{case.name}"
        try:
            with self._source:
                written = self._sources.ask(
                    Step(case.image, "cases", "write", outputs=WRITTEN),
                    place,
                    kind=case.kind,
                    name=case.name,
                    constants=constants,
                )
            tried = replace(tried, inputs=written["inputs"])
            for step in self._suite.steps:
                answer = line.ask(step, place, rtol=written["rtol"], atol=written["atol"])
        except StoppedError as error:
            status = "refused" if error.failure.kind == "model" else "crashed"
            return replace(tried, status=status, stage=error.step.operation, reason=error.failure.message)
        except StageCrashError as error:
            return replace(tried, status="crashed", reason=str(error))
        finally:
            shutil.rmtree(self._folder / place, ignore_errors=True)
        wrong = answer["wrong"]
        return replace(tried, status="wrong" if wrong else "pass", reason=wrong or "")
