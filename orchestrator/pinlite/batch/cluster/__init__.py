"""A batch on a cluster of Dask: a model is a task, files travel by their digests, and a task needs no shared folder.

Here: ``executor.py`` has tasks carried out by the workers of a scheduler (``scheduler.py``), ``local.py`` by those of a
cluster of this machine; ``sending.py`` lays what a task needs where they take it from, ``receiving.py`` writes what
comes back as a conversion here would. On a worker: ``worker.py`` is what the scheduler calls, ``carrier.py`` a process
that carries out one task at a time. Both: ``job.py`` is what is said, ``exchange.py`` where files are laid and taken
from, ``events.py`` what is told meanwhile, ``machines.py`` which machines are alike.

Dask calls functions of `worker` by their names, with text: it has to pickle nothing else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinlite.batch.tasks import Task
from pinlite.errors import UsageError

if TYPE_CHECKING:
    from pinlite.batch.executor import Executor
    from pinlite.conversion.run import Shared

_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://[^/\s]+:\d{1,5}")


@dataclass(frozen=True)
class Cluster:
    """Which cluster: that of a ``scheduler``, by its address, or one of this machine with so many ``workers``. Files
    travel through the ``store``; "" is a folder of this machine.
    """

    scheduler: str
    workers: int
    store: str


def asked(scheduler: str, workers: int, tasks: Sequence[Task]) -> Cluster:
    """The cluster that a command asks for, for its tasks.

    Raises:
        UsageError: It can't be had so.
    """
    if scheduler and workers:
        raise UsageError("--scheduler and --workers are given", hint="give one: --workers makes a cluster of its own")
    if scheduler and not _ADDRESS.fullmatch(scheduler):
        raise UsageError(f"--scheduler {scheduler} is no address", hint="e.g. --scheduler tcp://HOST:8786")
    stores = sorted({str(task.settings.get("store", "")) for task in tasks})
    if len(stores) > 1:
        raise UsageError(
            f"models have several stores: {', '.join(store or 'none' for store in stores)}",
            hint="give one --store, through which the files of all of them travel",
        )
    store = stores[0] if stores else ""
    if scheduler and tasks and not store:
        # Dask would take them through the scheduler's memory, all of them.
        raise UsageError(
            "--scheduler needs --store: workers take the files of models from there, and lay results there",
            hint="give the repository of a registry that all machines reach: --store oci://REGISTRY/NAME",
        )
    return Cluster(scheduler, workers, store)


def executor(cluster: Cluster, shared: "Shared | None") -> "Executor":
    """What has tasks carried out there; a UsageError where Dask is not installed."""
    try:
        from pinlite.batch.cluster.executor import ClusterExecutor  # noqa: PLC0415  # it takes a second to import
        from pinlite.batch.cluster.local import LocalClusterExecutor  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise
        raise UsageError(
            f"{error.name} is not installed, which a cluster needs", hint="pip install 'pinlite[cluster]'"
        ) from error
    if cluster.scheduler:
        return ClusterExecutor(cluster.scheduler, cluster.store, shared)
    return LocalClusterExecutor(cluster.workers, cluster.store, shared)
