"""Every error that pinlite raises on purpose: what is wrong, its exit status, and what to do."""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pinlite.model import Report


class PinliteError(Exception):
    """The root of them all. ``hint`` says what to do; ``stage`` says where it happened, once that is known."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", stage: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.stage = stage
        # What a run has come to nevertheless, where it was kept.
        self.report: Report | None = None

    def __str__(self) -> str:
        return f"{self.stage}: {self.message}" if self.stage else self.message


class UsageError(PinliteError):
    """What was asked for can't be meant: a missing file, a bad option, samples that don't fit."""

    code = "usage"
    exit_status = 2


class ModelError(PinliteError):
    """The model can't be converted: the message names the operator, the hint what to do about it."""

    code = "model"
    exit_status = 3


class NoEngineError(PinliteError):
    """There is nothing to run the stages with."""

    code = "no-engine"
    exit_status = 4


class ImageError(PinliteError):
    """An image, or the environment that stands for it, can't be made."""

    code = "image"
    exit_status = 5


class StageCrashError(PinliteError):
    """A stage ended without an answer, or broke the contract."""

    code = "crash"
    exit_status = 6


class OutOfMemoryError(StageCrashError):
    code = "memory"


class OutOfDiskError(StageCrashError):
    """A stage wrote more than its limit."""

    code = "disk"


class StageTimeoutError(StageCrashError):
    code = "timeout"


class TamperedError(PinliteError):
    """A folder is not what a conversion left there, or is not signed by the key that was asked for."""

    code = "tampered"
    exit_status = 8


class ParityError(PinliteError):
    """Two runtimes disagree on the same samples by more than the tolerance."""

    code = "parity"
    exit_status = 7

    def __init__(self, message: str, *, hint: str, report: "Report") -> None:
        super().__init__(message, hint=hint)
        self.report = report


class NotReproducibleError(PinliteError):
    """What came out, or what went in, is not what is on record."""

    code = "not-reproducible"
    exit_status = 8
