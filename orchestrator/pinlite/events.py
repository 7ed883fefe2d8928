"""What happens during a run, as it happens. Whoever wants to show it passes an `Observer`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite.schema.choices import StageSource

if TYPE_CHECKING:
    from pinlite.schema.batch import ModelResult


@dataclass(frozen=True)
class Notice:
    """Something the user should know, once."""

    text: str


@dataclass(frozen=True)
class BuildPlanned:
    """Images are about to be made: ``files`` are fetched for them, ``to_fetch`` bytes or, where the index does not tell
    all sizes, more. They take about ``room`` bytes of a disk, where so many are ``free``; None: that can't be seen.
    """

    files: int
    to_fetch: int
    room: int
    free: int | None


@dataclass(frozen=True)
class FetchStarted:
    files: int


@dataclass(frozen=True)
class FetchProgress:
    """How many bytes have come, of how many where that is known."""

    so_far: int
    total: int | None


@dataclass(frozen=True)
class FetchFinished:
    files: int
    size: int
    seconds: float


@dataclass(frozen=True)
class BuildStarted:
    """``size`` is that of the packages that are installed, in bytes, by which builds take longer."""

    image: str
    size: int = 0


@dataclass(frozen=True)
class BuildProgress:
    """One line of a build; ``step`` of ``steps`` is being made."""

    image: str
    text: str
    step: int
    steps: int


@dataclass(frozen=True)
class BuildFinished:
    image: str
    seconds: float


@dataclass(frozen=True)
class TransferStarted:
    """Images, or what they are made of, begin to go to other machines or to come from them; ``what`` says so."""

    what: str


@dataclass(frozen=True)
class TransferProgress:
    """How many bytes of how many have gone or come."""

    what: str
    so_far: int
    total: int


@dataclass(frozen=True)
class TransferFinished:
    """``done`` says what has gone or come, ``size`` is in bytes; "" where it has failed."""

    what: str
    done: str
    size: int
    seconds: float


@dataclass(frozen=True)
class RunStarted:
    """The workers are about to start; what each prints goes to a file in ``logs``."""

    logs: Path


@dataclass(frozen=True)
class TimesKnown:
    """What the stages of an earlier run took, in seconds by name: those of this one may take as long, if that run was
    not ``of_another`` model.
    """

    seconds: Mapping[str, float]
    of_another: bool = False


@dataclass(frozen=True)
class StageStarted:
    stage: str


@dataclass(frozen=True)
class StageFinished:
    stage: str
    source: StageSource
    seconds: float


@dataclass(frozen=True)
class ModelStarted:
    """A model of a batch is about to be converted."""

    model: str


@dataclass(frozen=True)
class ModelPlanned:
    """What it goes through is known: about so many stages."""

    model: str
    stages: int


@dataclass(frozen=True)
class InModel:
    """What happens in the conversion of a model."""

    model: str
    event: "Event"


@dataclass(frozen=True)
class ModelFinished:
    result: "ModelResult"


Event = (
    Notice
    | BuildPlanned
    | FetchStarted
    | FetchProgress
    | FetchFinished
    | BuildStarted
    | BuildProgress
    | BuildFinished
    | TransferStarted
    | TransferProgress
    | TransferFinished
    | RunStarted
    | TimesKnown
    | StageStarted
    | StageFinished
)
BatchEvent = ModelStarted | ModelPlanned | InModel | ModelFinished
Observer = Callable[[Event], None]
BatchObserver = Callable[[BatchEvent], None]


def ignore(_: object) -> None:
    """The observer of those who don't look."""
