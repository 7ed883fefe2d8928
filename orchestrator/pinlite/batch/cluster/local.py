"""A cluster of Dask on this machine, for as long as a batch takes.

Importing this imports distributed, as `executor` does.
"""

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from distributed import LocalCluster

from pinlite.batch.cluster.exchange import FolderExchange
from pinlite.batch.cluster.executor import ClusterExecutor
from pinlite.batch.cluster.scheduler import Patience
from pinlite.batch.tasks import Task
from pinlite.conversion.run import Shared
from pinlite.events import BatchObserver
from pinlite.machine import temporary
from pinlite.schema.batch import ModelResult


@dataclass(frozen=True)
class LocalClusterExecutor:
    """An `Executor` with so many ``workers``, a process each. Files go through ``exchange`` or, where that is "",
    through a folder: all workers share the disk.
    """

    workers: int
    exchange: str = ""
    shared: Shared | None = None
    patience: Patience = field(default_factory=Patience)

    def results(self, tasks: Sequence[Task], observe: BatchObserver) -> Generator[ModelResult]:
        with temporary.folder() as made:
            folder = Path(made).resolve()
            with LocalCluster(
                n_workers=self.workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                local_directory=str(folder / "dask"),
                silence_logs=logging.CRITICAL,
                memory_limit=0,  # what takes memory are the stages, which have limits of their own
            ) as cluster:
                address = self.exchange or FolderExchange(folder / "files").address
                executor = ClusterExecutor(cluster.scheduler_address, address, self.shared, self.patience)
                yield from executor.results(tasks, observe)
