"""A run as it happens, on standard error: moving lines on a terminal, one line per step elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from pinlite.events import (
    BuildFinished,
    BuildProgress,
    BuildStarted,
    Event,
    Notice,
    RunStarted,
    StageFinished,
    StageStarted,
)
from pinlite.ui.logs import LogsView

_MARKS = {"ran": "[green]✓[/]", "hit": "[green]=[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


class ProgressView:
    """An `Observer`, and a context that keeps the moving lines in order."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._logs: LogsView | None = None
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
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
                self._console.print(Text("note: ", style="yellow") + Text(text))
            case BuildStarted(image):
                self._begin(image, f"building the {image} image")
            case BuildProgress(image, text, step, steps):
                self._progress.update(
                    self._tasks[image], description=f"building the {image} image [{step}/{steps}] {text[:80]}"
                )
            case BuildFinished(image, seconds):
                self._end(image, "ran", f"built the {image} image", seconds)
            case RunStarted(logs):
                if self._verbose:
                    self._console.print(Text(f"the logs are kept in {logs}"), soft_wrap=True)
                    self._logs = LogsView(self._console, logs)
            case StageStarted(stage):
                self._begin(stage, stage)
            case StageFinished(stage, source, seconds):
                self._end(stage, source, stage, seconds)

    def _begin(self, key: str, text: str) -> None:
        self._tasks[key] = self._progress.add_task(text, total=None)

    def _end(self, key: str, source: str, text: str, seconds: float) -> None:
        self._progress.remove_task(self._tasks.pop(key))
        self._console.print(Text.from_markup(_MARKS[source]), Text(f"{text:<28}{seconds:7.1f} s"))
