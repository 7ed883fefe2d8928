"""One model of a batch: from the store where all of it was made before, else by a conversion."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pinlite import digest, options
from pinlite.batch.tasks import Task
from pinlite.conversion import pipeline, plan
from pinlite.conversion.plan import Plan
from pinlite.conversion.run import Shared, key_files
from pinlite.errors import PinliteError
from pinlite.events import BatchObserver, Event, InModel, ModelPlanned, ModelStarted, RunStarted
from pinlite.schema.batch import MadeFile, ModelResult
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import Report
from pinlite.store import runs

_WORD = "batch"
_BUG = "bug"
_BUG_STATUS = 1


Held = Callable[[Plan], None]


def convert(
    task: Task, shared: Shared | None, observe: BatchObserver, own: str = "", held: Held | None = None
) -> ModelResult:
    """Carry out a task. What fails is told by the result, not raised. ``own`` is what `runs.own_files` says.

    A task that is ``held`` to another machine's plan, by a function that raises a PinliteError, is carried out in a
    place that is soon gone: only its actions are looked up and kept.
    """
    started = time.monotonic()
    observe(ModelStarted(task.name))
    try:
        report, is_kept = _report(task, shared, observe, own, held)
        result = _of(task, report, kept=is_kept)
    except PinliteError as error:
        result = failed(task, error)
    except Exception as error:  # noqa: BLE001  # a bug met by one model takes no other with it
        result = bug(task, error)
    return result.model_copy(update={"seconds": round(time.monotonic() - started, 3)})


def bug(task: Task, error: Exception) -> ModelResult:
    """Of a task that met a bug."""
    message = f"a bug in pinlite: {type(error).__name__}: {error}"
    hint = "`pinlite convert` of this model alone writes a report of it"
    return _plain(task, "failed", code=_BUG, exit_status=_BUG_STATUS, message=message, hint=hint)


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


def kept(task: Task, own: str) -> ModelResult | None:
    """The result of a task whose folder is made of what the store has of all of it; None where it does not have that.

    Raises:
        UsageError: The folder can't be written.
    """
    started = time.monotonic()
    if not (report := _known(task, own)):
        return None
    return _of(task, report, kept=True).model_copy(update={"seconds": round(time.monotonic() - started, 3)})


def words(task: Task) -> tuple[str, ...]:
    """What `pinlite.store.runs` knows the task by."""
    return (_WORD, digest.canonical_json(dict(task.settings)).decode())


def may_be_kept(task: Task, recipe: Recipe) -> bool:
    """Whether the same task may be answered by what this one comes to."""
    return not (_is_new(task) or recipe.sign)


def _known(task: Task, own: str) -> Any:
    known = None if _is_new(task) else runs.find(words(task), own)
    return known.report if known and runs.publish(known) else None


def _report(task: Task, shared: Shared | None, observe: BatchObserver, own: str, held: Held | None) -> tuple[Any, bool]:
    """The report of the task's result, once its folder is there, and whether that came from the store as it is."""
    if held is None and (known := _known(task, own)):
        return known, True
    recipe = options.resolve(task.settings)
    logs = list[Path]()

    def tell(event: Event) -> None:
        if isinstance(event, RunStarted):
            logs.append(event.logs)
        observe(InModel(task.name, event))

    planned = plan.prepare(recipe, tell)
    if held:
        held(planned)
    observe(ModelPlanned(task.name, _stages(planned)))
    before = runs.state(planned.dependencies, *key_files(recipe))
    report = pipeline.run_plan(planned, tell, shared=shared)
    if held is None and may_be_kept(task, recipe):
        runs.keep(words(task), recipe, before, report, own=own, contents=planned.contents)
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


def failed(task: Task, error: PinliteError) -> ModelResult:
    """Of a task that ended with an error, which may have a report."""
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
    required = {runtime.name for runtime in report.runtimes if runtime.required}
    files = []
    for variant in report.variants:
        found = [error for runtime, error in variant.parity.items() if runtime in required]
        errors = [error for error in found if error is not None]
        latencies = [latency.median for latency in variant.latency_ms.values()]
        files.append(
            MadeFile(
                variant=variant.name,
                path=variant.path,
                sha256=variant.sha256,
                size=variant.size,
                error=max(errors, default=None) if len(errors) == len(found) else None,
                latency_ms=min(latencies, default=None),
            )
        )
    return _plain(task, "right", kept=kept, warnings=len(report.warnings), files=tuple(files))


def _plain(task: Task, state: str, **more: Any) -> ModelResult:
    found = {"name": task.name, "source": task.source, "folder": task.out.name, "state": state}
    return ModelResult.model_validate(found | more)
