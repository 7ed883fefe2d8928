"""A whole batch, from what a command is given to the folders of its models and batch.json."""

import os
import time
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from os import fspath
from pathlib import Path
from typing import Any

from pinlite import __version__, options
from pinlite.batch import cluster, one_model, tasks
from pinlite.batch.cluster import Cluster
from pinlite.batch.executor import Executor, HereExecutor
from pinlite.batch.processes import ProcessesExecutor
from pinlite.batch.selection import Shard, selected
from pinlite.batch.tasks import Task
from pinlite.conversion.run import Shared
from pinlite.errors import UsageError
from pinlite.events import BatchObserver, ModelFinished, ignore
from pinlite.machine import writing
from pinlite.options.declared import BATCH_OUT, BatchOptions, ModelSettings
from pinlite.options.option import StrPath
from pinlite.schema.batch import BatchReport, ModelResult
from pinlite.store import batches

# In seconds. The workers of a batch that was killed are gone after it; so long a worker may wait for the next model.
_KEEP_WARM = 60.0


@dataclass(frozen=True)
class Batch:
    """What is to be done: the ``tasks`` of a ``shard``, so many at a time; ``fail_fast`` ends with the first one that
    is not right. ``jobs`` is 0 where the scheduler of a ``cluster`` decides.
    """

    tasks: tuple[Task, ...]
    out: Path
    jobs: int
    shard: Shard | None = None
    isolate: bool = False
    fail_fast: bool = False
    cluster: Cluster | None = None


def prepared(sources: Sequence[StrPath], given: BatchOptions) -> Batch:
    """A batch before any work.

    Raises:
        UsageError: A file, a pattern, an option or a shard is wrong, or two models have one name.
    """
    asked: dict[str, Any] = {**given}
    out, jobs = Path(asked.pop("out", BATCH_OUT)), asked.pop("jobs", None)
    only, shard = asked.pop("only", ()), asked.pop("shard", "")
    isolate, fail_fast = asked.pop("isolate", False), asked.pop("fail_fast", False)
    if asked.pop("keep_going", False) and fail_fast:
        raise UsageError("--keep-going and --fail-fast are given", hint="give one of them")
    scheduler, workers = asked.pop("scheduler", ""), asked.pop("workers", 0)
    share = Shard.of(shard) if shard else None
    every = tasks.of([fspath(source) for source in sources], options.keyed(ModelSettings, asked), out)
    chosen = selected(every, [only] if isinstance(only, str) else only, share)
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file", hint="give a folder")
    if scheduler or workers:
        if jobs:
            raise UsageError("--jobs is of this machine", hint="leave it out: workers take a model for each thread")
        asked_of = cluster.asked(scheduler, workers, chosen)
        return Batch(chosen, out, workers, share, isolate=isolate, fail_fast=fail_fast, cluster=asked_of)
    return Batch(chosen, out, jobs or os.cpu_count() or 1, share, isolate=isolate, fail_fast=fail_fast)


def run(batch: Batch, observe: BatchObserver = ignore, executor: Executor | None = None) -> BatchReport:
    """Have all models of a batch converted, by an executor or by this machine, and write batch.json.

    Raises:
        UsageError: The folder can't be written.
    """
    started, date = time.monotonic(), datetime.now(UTC)
    found = dict[str, ModelResult]()
    trust = all(task.settings.get("trust") is True for task in batch.tasks)
    shared = None if batch.isolate else Shared(f"batch-{uuid.uuid4().hex[:12]}", _KEEP_WARM, trust)
    try:
        with closing((executor or _executor(batch, shared)).results(batch.tasks, observe)) as results:
            for result in results:
                found[result.name] = result
                observe(ModelFinished(result))
                if batch.fail_fast and result.state != "right":
                    break
    finally:
        if shared:
            _end_workers(shared)
    report = BatchReport(
        pinlite=__version__,
        date=f"{date:%Y-%m-%dT%H:%M:%SZ}",
        seconds=round(time.monotonic() - started, 3),
        jobs=batch.jobs,
        shard=str(batch.shard or ""),
        models=tuple(found.get(task.name) or one_model.not_run(task) for task in batch.tasks),
    )
    try:
        batch.out.mkdir(parents=True, exist_ok=True)
        writing.whole(file_of(batch), report.to_json())
    except OSError as error:
        raise UsageError(f"--out {batch.out} can't be written: {error.strerror}", hint="give another folder") from error
    return report


def file_of(batch: Batch) -> Path:
    """Where its batch.json is."""
    return batches.file(batch.out, str(batch.shard or ""))


def _executor(batch: Batch, shared: Shared | None) -> Executor:
    if batch.cluster and batch.tasks:
        return cluster.executor(batch.cluster, shared)
    count = min(batch.jobs, len(batch.tasks))
    return ProcessesExecutor(count, shared) if count > 1 else HereExecutor(shared)


def _end_workers(shared: Shared) -> None:
    from pinlite.engine import warm  # noqa: PLC0415  # sockets take time to import

    warm.dismiss(shared.keeper)
