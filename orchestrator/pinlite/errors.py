"""The errors that pinlite raises on purpose: what is wrong, the exit status, and what to do.

``make docs`` writes ``docs/errors.md`` from this file: the code, status, docstring and advice of each class.
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pinlite.schema.report import Report


class PinliteError(Exception):
    """The base class. ``message`` says what is wrong and where, ``hint`` what to do about it, and ``stage`` in which
    stage it happened, once that is known.

    ``advice`` says what to do about any error of the class.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1
    advice: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str = "", stage: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stage = stage
        # The folder of the run's logs, once a stage has begun.
        self.logs: Path | None = None
        # The report of a run that failed and kept its results nevertheless.
        self.report: Report | None = None
        # Whether what the command has printed says it, too.
        self.is_printed = False

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}" if self.stage else self.message


def causes(error: BaseException) -> "Iterator[BaseException]":
    """An error and what it comes of, the first cause last."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


class UsageError(PinliteError):
    """The command can't be carried out as given: a missing file, a wrong option, samples that don't fit."""

    code = "usage"
    exit_status = 2
    advice = "correct the option, file or setting that the message names; `--help` lists all options"


class ModelError(PinliteError):
    """The model can't be converted. The message names the operator, the hint says what to do about it."""

    code = "model"
    exit_status = 3
    advice = (
        "write that part of the model differently, as the hint says; docs/operators.md lists what converts, and "
        "`--ops`, `--opset` and `--lowering` change what can be converted"
    )


class NoEngineError(PinliteError):
    """No engine can run the stages: there is none, it does not answer, or it runs no programs for another processor."""

    code = "no-engine"
    exit_status = 4
    advice = (
        "`pinlite doctor` says what is missing; https://docs.docker.com/engine/install says how to install a Docker "
        "engine; `--engine venv` needs no Docker, but does not isolate. The next run, "
        "or `pinlite clean`, removes what this one has left"
    )


class ImageError(PinliteError):
    """An image, or the environment in its place, can't be made: a package or the base can't be fetched, the disk is
    full, or a step of the build failed.
    """

    code = "image"
    exit_status = 5
    advice = (
        "read the log that the hint names, check the network or the package index, and run the same command again: "
        "it goes on from what is made already. Without a registry, `pinlite images base` builds the base"
    )


class StageCrashError(PinliteError):
    """A stage ended without an answer, or broke the contract."""

    code = "crash"
    exit_status = 6
    advice = (
        "read the stage's log, which the hint names, or see it live with `--verbose`. If the model's own code ended "
        "the process, correct that; if the engine stopped, run the command again: pinlite never repeats a stage by "
        "itself"
    )


class OutOfMemoryError(StageCrashError):
    """A stage needed more memory than its limit."""

    code = "memory"
    advice = "raise the limit that the message names with `--memory`, or take a smaller batch or fewer samples"


class OutOfDiskError(StageCrashError):
    """A stage wrote more than its limit, or the disk had no room for it."""

    code = "disk"
    advice = "make room, or raise the limit with `--disk`, as the hint says; look at what the model's code writes"


class StageTimeoutError(StageCrashError):
    """A stage gave no answer within its time."""

    code = "timeout"
    advice = "look at its last output, which is at the end of the message; if it only needs longer, raise `--timeout`"


class RegistryError(PinliteError):
    """A registry can't be reached, refuses what was asked of it, or serves something else than it should."""

    code = "registry"
    exit_status = 10
    advice = (
        "check the address, the connection and `docker login HOST`; nothing that a registry serves is used unless its "
        "digest is the one that was asked for"
    )

    def __init__(self, message: str, *, hint: str = "", may_pass: bool = False) -> None:
        super().__init__(message, hint=hint)
        # Whether the same may go well a moment later: the connection failed, or the registry is busy.
        self.may_pass = may_pass


class TamperedError(PinliteError):
    """A folder differs from what its conversion left there, or is not signed with the given key."""

    code = "tampered"
    exit_status = 8
    advice = "do not use the folder; convert again, or get it again from its source"


class ParityError(PinliteError):
    """Two runtimes disagree on the same samples by more than the tolerance."""

    code = "parity"
    exit_status = 7
    advice = (
        "the results are kept: `pinlite debug FOLDER` says which layers add to the difference; `--tolerance` and "
        "`--variant-tolerance` allow a larger one"
    )

    def __init__(self, message: str, *, hint: str, report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class ScoreError(PinliteError):
    """A variant scored less than PyTorch on the labelled samples of ``--evaluate``, by more than ``--loss``."""

    code = "score"
    exit_status = 7
    advice = (
        "the results are kept: calibrate on samples like those that are scored, take int16x8, or train with `--qat`; "
        "`pinlite debug FOLDER --variant VARIANT` says which layers add to the difference; `--loss` allows more"
    )

    def __init__(self, message: str, *, hint: str = "", report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class ArenaError(PinliteError):
    """A file needs a larger arena in the runtime of microcontrollers than ``--arena`` allows."""

    code = "arena"
    exit_status = 7
    advice = (
        "the results are kept: the message has the tensors that are alive where most is needed; make the input or "
        "these layers smaller, take int8-only, or give the device more"
    )

    def __init__(self, message: str, *, hint: str, report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class WrongFileError(PinliteError):
    """`pinlite audit` found a TFLite file wrong inside, or a runtime that was asked for can't run it rightly."""

    code = "wrong-file"
    exit_status = 7
    advice = (
        "docs/audit.md says what each finding means; convert again, tell those who wrote the converter, or run the "
        "file in a runtime that is right"
    )


class RegressionError(PinliteError):
    """`pinlite report A B` found what ``--fail-if`` says must not be."""

    code = "regression"
    exit_status = 7
    advice = (
        "the tables before the message say what has changed, the recipe and the images too; `pinlite diff` says in "
        "what two files differ"
    )


class WarnedError(PinliteError):
    """With ``--strict``: a stage warned that the result may be wrong for other inputs than the samples."""

    code = "warned"
    exit_status = 3
    advice = (
        "the results are kept: write that part of the model differently, for instance with `torch.where` in place of "
        "a branch; if the warning does not matter, convert without `--strict`"
    )

    def __init__(self, message: str, *, hint: str, report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class BatchError(PinliteError):
    """Some models of `pinlite batch` are not right; each has an error of its own."""

    code = "batch"
    exit_status = 11
    advice = (
        "the lines before the message, and batch.json, say of each model why; the others are done, and the same "
        "command again takes up where it ended"
    )


class ClusterError(PinliteError):
    """The scheduler of `pinlite batch` can't be reached, has no worker that would make what this machine makes, or has
    lost a model again and again.
    """

    code = "cluster"
    exit_status = 12
    advice = (
        "check the scheduler and its workers, which docs/teams.md sets up; the same command again takes up where it "
        "ended. Nothing is half-written: a model's folder is written once all of it has come"
    )


class NotReproducibleError(PinliteError):
    """An input or a result differs from the record: a lock file or a report."""

    code = "not-reproducible"
    exit_status = 8
    advice = "restore what has changed, which the message lists; or convert again, to record the new state"


class DifferentError(PinliteError):
    """Two files that `pinlite diff` compared do not have the same bytes."""

    code = "different"
    exit_status = 9
    advice = (
        "nothing, if they should differ: the table before the message, or `--json`, lists the differences; `--samples` "
        "says how far their outputs are from each other"
    )
