"""Every error that pinlite raises on purpose: what is wrong, its exit status, and what to do.

``docs/errors.md`` is made of this file: of each class its code, its status, its docstring and its advice.
"""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from pinlite.schema.report import Report


class PinliteError(Exception):
    """The root of them all. ``hint`` says what to do; ``stage`` says where it happened, once that is known.

    ``advice`` is what to do about any error of its class, where the hint says what to do about this one.
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
        # What a run has come to nevertheless, where it was kept.
        self.report: Report | None = None

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}" if self.stage else self.message


class UsageError(PinliteError):
    """What was asked for can't be meant: a missing file, a bad option, samples that don't fit."""

    code = "usage"
    exit_status = 2
    advice = "correct the option, file or setting that the message names; `--help` has all options"


class ModelError(PinliteError):
    """The model can't be converted: the message names the operator, the hint what to do about it."""

    code = "model"
    exit_status = 3
    advice = (
        "write that part of the model in another way, as the hint says; docs/operators.md lists what converts, and "
        "`--ops`, `--opset` and `--lowering` change what can"
    )


class NoEngineError(PinliteError):
    """There is nothing to run the stages with, or it does not answer."""

    code = "no-engine"
    exit_status = 4
    advice = (
        "`pinlite doctor` says what is missing; `make engine` installs and starts a Docker engine; `--engine venv` "
        "needs none, but does not isolate. What a run has left then goes with the next one, or with `pinlite clean`"
    )


class ImageError(PinliteError):
    """An image, or the environment that stands for it, can't be made: a package or the base can't be fetched, there is
    no room for it, or a step of the build failed.
    """

    code = "image"
    exit_status = 5
    advice = (
        "read the log that the hint names, see to the network or the package index, and run the same command again: "
        "what is made already stays. Without a registry `make base` builds the base"
    )


class StageCrashError(PinliteError):
    """A stage ended without an answer, or broke the contract."""

    code = "crash"
    exit_status = 6
    advice = (
        "read the stage's log, which the hint names, or see it live with `--verbose`. Where the model's own code ended "
        "the process, correct that; where the engine went away, run the command again: no stage is tried twice by "
        "itself"
    )


class OutOfMemoryError(StageCrashError):
    """A stage needed more memory than its limit."""

    code = "memory"
    advice = "raise the limit that the message names with `--memory`, or take a smaller batch or fewer samples"


class OutOfDiskError(StageCrashError):
    """A stage wrote more than its limit, or there was no room for what it wrote."""

    code = "disk"
    advice = "make room, or raise the limit with `--disk`, as the hint says; look at what the model's code writes"


class StageTimeoutError(StageCrashError):
    """A stage gave no answer within its time."""

    code = "timeout"
    advice = (
        "look at its last output, which the message ends with; give it longer with `--timeout`, if it only needs longer"
    )


class TamperedError(PinliteError):
    """A folder is not what a conversion left there, or is not signed by the key that was asked for."""

    code = "tampered"
    exit_status = 8
    advice = "do not use the folder; convert again, or get it again from where it came from"


class ParityError(PinliteError):
    """Two runtimes disagree on the same samples by more than the tolerance."""

    code = "parity"
    exit_status = 7
    advice = (
        "everything was kept: `pinlite debug FOLDER` says which layers add to the difference; `--tolerance` and "
        "`--variant-tolerance` allow more"
    )

    def __init__(self, message: str, *, hint: str, report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class WarnedError(PinliteError):
    """With ``--strict``: a stage warns that a result may be wrong for other inputs than the samples."""

    code = "warned"
    exit_status = 3
    advice = (
        "everything was kept: write that part of the model in another way, for instance with `torch.where` in place of "
        "a branch; where the warning does not matter, convert without `--strict`"
    )

    def __init__(self, message: str, *, hint: str, report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class NotReproducibleError(PinliteError):
    """What came out, or what went in, is not what is on record."""

    code = "not-reproducible"
    exit_status = 8
    advice = "bring back what has changed, which the message lists; or convert anew, to record what it comes to now"


class DifferentError(PinliteError):
    """Two files that were compared are not the same bytes: `pinlite diff` says in what they differ."""

    code = "different"
    exit_status = 9
    advice = (
        "nothing, where they should differ: the message and the table before it, or `--json`, say in what; `--samples` "
        "says how far their outputs are from each other"
    )
