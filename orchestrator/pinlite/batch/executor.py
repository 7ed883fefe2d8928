"""Who carries out the tasks of a batch, and in which order."""

from collections.abc import Generator, Sequence
from typing import Protocol

from pinlite.batch import one_model
from pinlite.batch.tasks import Task
from pinlite.conversion.run import Shared
from pinlite.events import BatchObserver
from pinlite.schema.batch import ModelResult
from pinlite.store import runs


class Executor(Protocol):
    """A task goes in whole, a result comes out whole: nothing else of one matters to another."""

    def results(self, tasks: Sequence[Task], observe: BatchObserver) -> Generator[ModelResult]:
        """The result of each task as it comes, in any order; what one comes to does not touch the others. Closing the
        iterator ends what is under way, and leaves nothing half.
        """
        ...


class HereExecutor:
    """An `Executor` that has one task after the other carried out in this process, with workers that are ``shared``."""

    def __init__(self, shared: Shared | None = None) -> None:
        self._shared = shared

    def results(self, tasks: Sequence[Task], observe: BatchObserver) -> Generator[ModelResult]:
        own = runs.own_files()
        for task in tasks:
            yield one_model.convert(task, self._shared, observe, own)
