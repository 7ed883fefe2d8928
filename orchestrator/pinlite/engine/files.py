"""How the files of requests get to a worker and back: `Files`, and `OnDisk` for one that sees its job's folder."""

from typing import Protocol

from pinlite.contract import Request
from pinlite.engine import written
from pinlite.engine.protocol import Job
from pinlite.engine.written import Excess


class Files(Protocol):
    """What lies in a `Job`'s ``inputs`` is for the worker to read, what it writes is to be in ``outputs``."""

    def send(self, request: Request) -> None:
        """Have the worker see the inputs of a request that is about to be asked; a StageCrashError if that fails."""
        ...

    def fetch(self, request: Request) -> Excess | None:
        """Have in the job's folder what the worker wrote for a request that it has answered, unless that is more than
        it may write.

        Raises:
            StageCrashError: It can't be fetched, or is neither a file nor a folder.
        """
        ...

    def excess(self) -> Excess | None:
        """What the worker has written beyond its limits."""
        ...

    def clear(self) -> None:
        """Remove what there is of requests elsewhere than in the job's folder; OSError, or StageCrashError."""
        ...


class OnDisk:
    """The files of a worker that works in the job's folder itself."""

    def __init__(self, job: Job) -> None:
        self._written = (job.outputs, job.scratch)
        self._limit = job.limits.disk

    def send(self, request: Request) -> None:
        """They are there."""

    def fetch(self, request: Request) -> Excess | None:
        """They are here; how much that is was looked at when the worker answered."""

    def excess(self) -> Excess | None:
        return written.excess(self._written, self._limit)

    def clear(self) -> None:
        """There are none elsewhere."""
