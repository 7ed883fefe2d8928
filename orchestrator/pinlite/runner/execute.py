"""One action: place its inputs, ask its worker, take its outputs. Nothing from inside is trusted."""

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from pydantic import ValidationError

from pinlite import contract
from pinlite.contract import Failure
from pinlite.digest import HashedPath
from pinlite.engine import Job
from pinlite.errors import ModelError, OutOfDiskError, PinliteError, StageCrashError, UsageError
from pinlite.events import Observer, StageFinished, StageStarted
from pinlite.machine import temporary
from pinlite.runner.workers import Workers
from pinlite.stages.stage import Action, ResultT

if TYPE_CHECKING:
    from pinlite.schema.choices import StageSource


@dataclass(frozen=True)
class Executed(Generic[ResultT]):
    """What an action gave: its checked result, its outputs by role, what it took in seconds and in bytes of memory, and
    the versions that it ran with.
    """

    result: ResultT
    outputs: Mapping[str, Path]
    seconds: float
    peak_memory: int
    versions: dict[str, str]


def execute(action: Action[ResultT], workers: Workers, observe: Observer) -> Executed[ResultT]:
    """Run the action and move its outputs into the run's folder.

    Raises:
        PinliteError: As the stage said, or as it crashed; it names the stage.
    """
    with workers.turn(action.stage):
        try:
            return _observed(action, workers, observe)
        except StageCrashError as error:
            workers.drop(action.stage)
            error.stage, error.logs = action.stage.name, workers.logs
            raise
        except PinliteError as error:
            error.stage, error.logs = action.stage.name, workers.logs
            raise
        except OSError as error:
            unusable = temporary.unusable(error, workers.folder)
            unusable.stage, unusable.logs = action.stage.name, workers.logs
            raise unusable from error


def _observed(action: Action[ResultT], workers: Workers, observe: Observer) -> Executed[ResultT]:
    """A failure is told at once, before its worker is ended: an engine that hangs takes its time for that, and the run
    may be over meanwhile, for a failure of another stage.
    """
    name = action.stage.name
    observe(StageStarted(name))
    started = time.monotonic()
    try:
        done = _run(action, workers, started)
    except BaseException:
        # Where the workers were ended before, it is by no fault of its own.
        outcome: StageSource = "skipped" if workers.are_ended else "failed"
        observe(StageFinished(name, outcome, time.monotonic() - started))
        raise
    observe(StageFinished(name, "ran", time.monotonic() - started))
    return done


def _run(action: Action[ResultT], workers: Workers, started: float) -> Executed[ResultT]:
    worker = workers.get(action.stage)
    job = worker.job
    name = workers.request_name(action.stage)
    request = contract.Request(
        id=action.stage.name,
        operation=action.stage.operation,
        parameters=dict(action.parameters),
        inputs={role: _placed(given, job.inputs / name / role, job, workers) for role, given in action.inputs.items()},
        outputs={role: f"{name}/{file}" for role, file in action.outputs.items()},
    )
    response = worker.request(request)
    if response.error:
        raise _refusal(response.error, job)
    versions = worker.ready().versions
    if action.stage.runs_user_code:
        # What that code left running must neither see another request nor touch the outputs while they are taken.
        workers.drop(action.stage)
    hint = f"its log is {job.log}"
    try:
        checked = action.result.model_validate(response.result)
    except ValidationError as error:
        raise StageCrashError(f"its result is not what the stage promises: {error}", hint=hint) from None
    return Executed(
        result=checked,
        outputs=_take(action, job.outputs / name, workers.folder / "artifacts" / name, hint),
        seconds=round(time.monotonic() - started, 3),
        peak_memory=response.peak_memory,
        versions=versions,
    )


def _refusal(failure: Failure, job: Job) -> PinliteError:
    kinds: dict[str, Callable[..., PinliteError]] = {"usage": UsageError, "model": ModelError}
    if failure.kind in kinds:
        return kinds[failure.kind](failure.message, hint=failure.hint or f"its log is {job.log}")
    if any(os.strerror(full) in failure.message for full in (errno.ENOSPC, errno.EDQUOT)):
        room = f"make room in {job.folder.parent.parent}, or let TMPDIR name another folder"
        return OutOfDiskError(failure.message, hint=f"{room}; its traceback is in {job.log}")
    return StageCrashError(failure.message, hint=f"its traceback is in {job.log}")


def _placed(given: HashedPath, target: Path, job: Job, workers: Workers) -> str:
    """What `_place` says. An input that the worker had before stays where it is, so that it can stay loaded."""
    key = (job.folder, given.sha256, given.path.suffix)
    if key not in workers.placed:
        workers.placed[key] = _place(given.path, target)
    return workers.placed[key]


def _place(source: Path, target: Path) -> str:
    """Lay an input where the worker sees it, readable for whomever it runs as; its path below the mount.

    What the run has made itself gets a second name there, which the worker can only read.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    placed = target.with_name(target.name + source.suffix)
    if source.is_dir():
        shutil.copytree(source, placed, copy_function=temporary.lay)
    else:
        temporary.lay(source, placed)
    for path in [placed, *placed.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return f"{target.parent.name}/{placed.name}"


def _take(action: Action[ResultT], made: Path, kept: Path, hint: str) -> dict[str, Path]:
    """Move the outputs out of the worker's reach, then see that they are what was declared."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(made):
        made.rename(kept)
    found = sorted(path.name for path in kept.iterdir()) if kept.is_dir() and not kept.is_symlink() else []
    declared = sorted(action.outputs.values())
    if found != declared:
        raise StageCrashError(
            f"its outputs should be {', '.join(declared)}, but are {', '.join(found) or 'none'}", hint=hint
        )
    if not declared:
        return {}
    for _, folders, files, descriptor in os.fwalk(kept):
        for name in (*folders, *files):
            _own(name, descriptor, hint)
        _make_ours(descriptor, 0o755)
    for file in declared:
        # A file is declared with its ending, a folder without one.
        if (kept / file).is_dir() == bool(Path(file).suffix):
            raise StageCrashError(f"its output {file!r} is a {'folder' if Path(file).suffix else 'file'}", hint=hint)
    return {role: kept / file for role, file in action.outputs.items()}


def _own(name: str, folder: int, hint: str) -> None:
    """Make a file ours, by descriptors: its worker may run on, and put a link where the file was."""
    kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISREG(kind):
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except OSError as error:
            raise StageCrashError(
                f"its output {name!r} changed while it was taken: {error.strerror}", hint=hint
            ) from None
        try:
            _make_ours(descriptor, 0o644)
        finally:
            os.close(descriptor)
    elif not stat.S_ISDIR(kind):
        raise StageCrashError(f"its output {name!r} is neither a file nor a folder", hint=hint)


def _make_ours(descriptor: int, mode: int) -> None:
    if os.getuid() == 0:
        os.fchown(descriptor, 0, 0)  # a container's user is not root
    os.fchmod(descriptor, mode)
