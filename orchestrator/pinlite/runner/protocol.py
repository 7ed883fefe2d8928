"""What every runner offers. The conformance suite in ``tests/runner`` holds them all to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Literal, Protocol, Self

from pinlite.digest import HashedPath
from pinlite.engine import Image
from pinlite.schema.report import StageRecord
from pinlite.stages.stage import Action, ResultT, Stage
from pinlite.store.record import Record

# Whose files a worker has read besides those of the action: of the run alone, of the other models of a batch, or of
# other runs of the user's. What one of them did to a worker, it may have done to what the worker answered afterwards.
Shared = Literal["run", "batch", "user"]


@dataclass(frozen=True)
class Done(Generic[ResultT]):
    """What an action gave: its checked result, its outputs by role, where they can be read until the runner is left,
    and its record. ``name`` is that of the stage; ``source`` tells whether it ran now or was made before.

    Of what ran, ``isolated`` tells whether its worker was kept from the machine, and ``shared`` whose files that worker
    has read. A runner that does not say is taken to have done neither, so that nobody vouches for what it gives.
    """

    name: str
    result: ResultT
    outputs: Mapping[str, HashedPath]
    record: Record
    source: Literal["ran", "hit"]
    isolated: bool = False
    shared: Shared = "user"

    @property
    def stage(self) -> StageRecord:
        """The stage as the report has it."""
        return StageRecord(
            name=self.name,
            image=self.record.preimage.image,
            source=self.source,
            seconds=self.record.seconds,
            peak_memory=self.record.peak_memory,
        )


class Runner(Protocol):
    """A context: leaving it ends all that it has started, and removes what it has made.

    It takes inputs by their content (`HashedPath`), and may read them from their paths or from wherever else it has
    that content; nothing else of an action is of this machine.
    """

    @property
    def run_id(self) -> str:
        """What this run is called where it leaves traces: in logs, in labels, in the provenance."""
        ...

    @property
    def images(self) -> Mapping[str, Image]:
        """The images that it has had ready so far, by name."""
        ...

    def run(self, action: Action[ResultT]) -> Done[ResultT]:
        """Run an action, or find what it made before. Several threads may ask at once.

        Raises:
            PinliteError: As the stage said (UsageError, ModelError), or as it ended (StageCrashError,
                StageTimeoutError, OutOfMemoryError, OutOfDiskError); it names the stage. The runner goes on to serve
                other actions.
            NoEngineError, ImageError: Nothing can run it here.
        """
        ...

    def release(self, stage: Stage) -> None:
        """Say that nothing is about to run that is served as the stage is. What comes after all is run all the same."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
