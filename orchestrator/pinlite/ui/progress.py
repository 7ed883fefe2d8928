"""The progress of a run, on standard error: moving lines on a terminal, one line per step elsewhere."""

from types import TracebackType
from typing import Self

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
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
)
from pinlite.ui.console import SafeConsole
from pinlite.ui.logs import LogsView
from pinlite.units import bytes_

_FETCHING = "fetching"
_MARKS = {"ran": "[green]✓[/]", "hit": "[green]=[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


class ProgressView:
    """An `Observer`, and a context that keeps the moving lines in order."""

    def __init__(self, console: SafeConsole, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._logs: LogsView | None = None
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_interactive or console.calm,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._logs:
            self._logs.stop()
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Notice(text):
                self._note(text)
            case RunStarted(logs):
                if self._verbose:
                    self._console.print(Text(f"the logs are kept in {logs}"), soft_wrap=True)
                    self._logs = LogsView(self._console, logs)
            case StageStarted(stage):
                self._begin(stage, stage)
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
                self._progress.update(self._tasks[_FETCHING], description=f"fetching packages: {bytes_(so_far)}{of}")
            case FetchFinished(files, size, seconds):
                self._end(_FETCHING, "ran", f"fetched {files} files, {bytes_(size)}", seconds)
            case BuildStarted(image):
                self._begin(image, f"building the {image} image")
            case BuildProgress(image, text, step, steps):
                self._progress.update(
                    self._tasks[image], description=f"building the {image} image [{step}/{steps}] {text[:80]}"
                )
            case BuildFinished(image, seconds):
                self._end(image, "ran", f"built the {image} image", seconds)

    def _note(self, text: str) -> None:
        self._console.print(Text("note: ", style="yellow") + Text(text))

    def _begin(self, key: str, text: str) -> None:
        self._tasks[key] = self._progress.add_task(text, total=None)

    def _end(self, key: str, source: str, text: str, seconds: float) -> None:
        self._progress.remove_task(self._tasks.pop(key))
        self._console.print(Text.from_markup(_MARKS[source]), Text(f"{text:<28}{seconds:7.1f} s"))


def _planned(files: int, to_fetch: int, room: int, free: int | None) -> str:
    here = f", where {bytes_(free)} are free" if free is not None else ""
    fetched = f"{bytes_(to_fetch)} in {files} files to fetch" if files else "nothing to fetch"
    return f"images to build: {fetched}, about {bytes_(room)} of disk{here}"
