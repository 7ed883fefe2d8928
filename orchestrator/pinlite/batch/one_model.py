"""One model of a batch: from the store where all of it was made before, else by a conversion."""

import shutil
import time
from pathlib import Path
from typing import Any

from pinlite import digest, options
from pinlite.batch.tasks import Task
from pinlite.conversion import pipeline, plan
from pinlite.conversion.plan import Plan
from pinlite.conversion.run import Shared
from pinlite.errors import PinliteError
from pinlite.events import BatchObserver, Event, InModel, ModelPlanned, ModelStarted, RunStarted
from pinlite.schema.batch import MadeFile, ModelResult
from pinlite.schema.report import Report
from pinlite.store import runs

_WORD = "batch"
_BUG = "bug"
_BUG_STATUS = 1


def convert(task: Task, shared: Shared | None, observe: BatchObserver, own: str = "") -> ModelResult:
    """Carry out a task. What fails is told by the result, not raised. ``own`` is what `runs.own_files` says."""
    started = time.monotonic()
    observe(ModelStarted(task.name))
    try:
        report, kept = _report(task, shared, observe, own)
        result = _of(task, report, kept=kept)
    except PinliteError as error:
        result = _failed(task, error)
    except Exception as error:  # noqa: BLE001  # a bug met by one model takes no other with it
        message = f"a bug in pinlite: {type(error).__name__}: {error}"
        hint = "`pinlite convert` of this model alone writes a report of it"
        result = _plain(task, "failed", code=_BUG, exit_status=_BUG_STATUS, message=message, hint=hint)
    return result.model_copy(update={"seconds": round(time.monotonic() - started, 3)})


def not_run(task: Task) -> ModelResult:
    return _plain(task, "not run")


def died(task: Task, how: str) -> ModelResult:
    """Of a task whose process has ended."""
    return _plain(
        task,
        "failed",
        code="crash",
        exit_status=6,
        message=f"the process that converted it {how}",
        hint="the machine may be out of memory: take fewer --jobs, and convert it alone to see more",
    )


def _report(task: Task, shared: Shared | None, observe: BatchObserver, own: str) -> tuple[Any, bool]:
    """The report of the task's result, once its folder is there, and whether that came from the store as it is."""
    words = (_WORD, digest.canonical_json(dict(task.settings)).decode())
    known = None if _is_new(task) else runs.find(words, own)
    if known and runs.publish(known):
        return known.report, True
    recipe = options.resolve(task.settings)
    logs = list[Path]()

    def tell(event: Event) -> None:
        if isinstance(event, RunStarted):
            logs.append(event.logs)
        observe(InModel(task.name, event))

    planned = plan.prepare(recipe, tell)
    observe(ModelPlanned(task.name, _stages(planned)))
    before = runs.state(planned.dependencies)
    report = pipeline.run_plan(planned, tell, shared=shared)
    if not (_is_new(task) or recipe.sign):
        runs.keep(words, recipe, before, report, own=own, contents=planned.contents)
    # Those of the models that are not right would go otherwise: the newest runs' are kept.
    for folder in logs:
        shutil.rmtree(folder, ignore_errors=True)
    return report, False


def _is_new(task: Task) -> bool:
    """Whether it is to be made anew, in part or all of it."""
    return bool(task.settings.get("no-cache") or task.settings.get("refresh"))


def _stages(planned: Plan) -> int:
    """About how many stages it goes through: what computes beside them, and each variant in each runtime, too."""
    variants, runtimes = len(planned.recipe.variants), len(planned.toolchain.runtimes)
    return len(planned.stages) + 2 + (variants - 1) * (1 + runtimes) + variants * (runtimes - 1)


def _failed(task: Task, error: PinliteError) -> ModelResult:
    result = _of(task, error.report, kept=False) if error.report else _plain(task, "failed")
    return result.model_copy(
        update={
            "state": "wrong" if error.report else "failed",
            "code": error.code,
            "exit_status": error.exit_status,
            "stage": error.stage,
            "message": error.message,
            "hint": error.hint,
        }
    )


def _of(task: Task, report: Report | Any, *, kept: bool) -> ModelResult:
    """Of a report, or of what is shown of one that was kept."""
    files = []
    for variant in report.variants:
        errors = [*variant.parity.values()]
        latencies = [found.median for found in variant.latency_ms.values()]
        files.append(
            MadeFile(
                variant=variant.name,
                path=variant.path,
                sha256=variant.sha256,
                size=variant.size,
                error=None if None in errors else max(errors, default=None),
                latency_ms=min(latencies, default=None),
            )
        )
    return _plain(task, "right", kept=kept, warnings=len(report.warnings), files=tuple(files))


def _plain(task: Task, state: str, **more: Any) -> ModelResult:
    found = {"name": task.name, "source": task.source, "folder": task.out.name, "state": state}
    return ModelResult.model_validate(found | more)
