"""The progress of a run, on standard error: moving lines on a terminal; elsewhere a line for each step, and one now and
then for those that take long.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from rich.progress import ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from pinlite.events import (
    BuildFinished,
    BuildPlanned,
    BuildProgress,
    BuildStarted,
    Event,
    FetchFinished,
    FetchProgress,
    FetchStarted,
    Notice,
    RunStarted,
    StageFinished,
    StageStarted,
    TimesKnown,
    TransferFinished,
    TransferProgress,
    TransferStarted,
)
from pinlite.ui.console import SafeConsole
from pinlite.ui.logs import LogsView
from pinlite.ui.moving_lines import MovingLines, duration
from pinlite.units import bytes_

# Seconds of the shortest step that gives a sign of life.
SHORT = 2.0
# Seconds that a byte of packages takes to install, before an image of the run has shown it.
_PACE = 5e-8

_FETCHING = "fetching"
_MARKS = {"ran": "[green]✓[/]", "hit": "[green]=[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


class Step:
    """A step that is under way. ``share`` is what is done of it, where that is known; ``expected`` is how long it may
    take, in seconds, and ``elsewhere`` how long it took with another model, which need not be alike.
    """

    def __init__(self, text: str, expected: float = 0.0, elsewhere: float = 0.0) -> None:
        self.text = text
        self.share = 0.0
        self._expected = expected
        self._elsewhere = elsewhere
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return time.monotonic() - self._started

    def time(self) -> str:
        """The same, and how long it may still take, in words."""
        seconds = self.seconds
        whole = seconds / self.share if self.share else self._expected
        left = round(whole - seconds)
        if left > 0:
            return f"{duration(seconds)}, about {duration(left)} left"
        told = f" (the last model took {duration(self._elsewhere)})" if round(self._elsewhere) else ""
        return duration(seconds) + told


class _TimeColumn(ProgressColumn):
    # Twice a second, as rich has it of those that tell times.
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        step: Step = task.fields["step"]
        return Text(step.time(), "progress.elapsed")


class ProgressView(MovingLines):
    """An `Observer`, and a context that keeps the moving lines in order."""

    def __init__(self, console: SafeConsole, *, verbose: bool = False) -> None:
        super().__init__(console, SpinnerColumn(), TextColumn("{task.description}", markup=False), _TimeColumn())
        self._verbose = verbose
        self._logs: LogsView | None = None
        self._tasks: dict[str, tuple[TaskID, Step]] = {}
        self._known = TimesKnown({})
        # Of the images that are being built, and of those that were.
        self._sizes: dict[str, int] = {}
        self._installed, self._installing = 0, 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._logs:
            self._logs.stop()
        super().__exit__(kind, error, trace)

    @contextlib.contextmanager
    def busy(self, text: str) -> Iterator[Callable[[float], None]]:
        """Show that something is being done that has no events of its own, until it is; what it yields may be told the
        share that is done.
        """
        self._begin(text, text)
        try:
            yield lambda share: self._update(text, text, share)
        finally:
            self._remove(text)

    def __call__(self, event: Event) -> None:
        match event:
            case Notice(text):
                self._note(text)
            case RunStarted(logs):
                if self._verbose:
                    self._console.print(Text(f"the logs are kept in {logs}"), soft_wrap=True)
                    self._logs = LogsView(self._console, logs)
            case TimesKnown():
                self._known = event
            case StageStarted(stage):
                seconds = self._known.seconds.get(stage, 0.0)
                expected, elsewhere = (0.0, seconds) if self._known.of_another else (seconds, 0.0)
                self._begin(stage, stage, expected, elsewhere)
            case StageFinished(stage, source, seconds):
                self._end(stage, source, stage, seconds)
            case _:
                self._build(event)

    def _build(self, event: Event) -> None:
        match event:
            case BuildPlanned(files, to_fetch, room, free):
                self._note(_planned(files, to_fetch, room, free))
            case FetchStarted(files):
                self._begin(_FETCHING, f"fetching {files} files")
            case FetchProgress(so_far, total):
                of = f" of {bytes_(total)}" if total else ""
                share = so_far / total if total else 0.0
                self._update(_FETCHING, f"fetching packages: {bytes_(so_far)}{of}", share)
            case FetchFinished(files, size, seconds):
                self._end(_FETCHING, "ran", f"fetched {files} files, {bytes_(size)}", seconds)
            case BuildStarted(image, size):
                self._sizes[image] = size
                pace = self._installing / self._installed if self._installed else _PACE
                self._begin(image, f"building the {image} image", size * pace)
            case BuildProgress(image, text, step, steps):
                self._update(image, f"building the {image} image [{step}/{steps}] {text[:80]}")
            case BuildFinished(image, seconds):
                self._installed += self._sizes.get(image, 0)
                self._installing += seconds
                self._end(image, "ran", f"built the {image} image", seconds)
            case _:
                self._transfer(event)

    def _transfer(self, event: Event) -> None:
        match event:
            case TransferStarted(what):
                self._begin(what, what)
            case TransferProgress(what, so_far, total):
                self._update(what, f"{what}: {bytes_(so_far)} of {bytes_(total)}", so_far / total if total else 0.0)
            case TransferFinished(what, "", _, _):
                self._remove(what)
            case TransferFinished(what, done, size, seconds):
                self._end(what, "ran", f"{done}, {bytes_(size)}", seconds)

    def _note(self, text: str) -> None:
        self._console.print(Text("note: ", style="yellow") + Text(text))

    def _begin(self, key: str, text: str, expected: float = 0.0, elsewhere: float = 0.0) -> None:
        step = Step(text, expected, elsewhere)
        self._tasks[key] = self._progress.add_task(text, total=None, step=step), step

    def _update(self, key: str, text: str, share: float = 0.0) -> None:
        task, step = self._tasks[key]
        step.text, step.share = text, share
        self._progress.update(task, description=text)

    def _remove(self, key: str) -> None:
        task, _ = self._tasks.pop(key)
        self._progress.remove_task(task)

    def _end(self, key: str, source: str, text: str, seconds: float) -> None:
        self._remove(key)
        self._console.print(Text.from_markup(_MARKS[source]), Text(f"{text:<28}{seconds:7.1f} s"))

    def _give_sign(self) -> None:
        for _, step in [*self._tasks.values()]:
            if step.seconds >= SHORT:
                self._console.print(Text(f". {step.text}: {step.time()}"), soft_wrap=True)


def _planned(files: int, to_fetch: int, room: int, free: int | None) -> str:
    here = f", where {bytes_(free)} are free" if free is not None else ""
    fetched = f"{bytes_(to_fetch)} in {files} files to fetch" if files else "nothing to fetch"
    return f"images to build: {fetched}, about {bytes_(room)} of disk{here}"
