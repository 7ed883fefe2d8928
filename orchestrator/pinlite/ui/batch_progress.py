"""The progress of a batch, on standard error: on a terminal a bar for all models and one for each that is under way,
elsewhere a line for each model that is done.
"""

import time

from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from pinlite.events import (
    BatchEvent,
    BuildFinished,
    BuildStarted,
    InModel,
    ModelFinished,
    ModelPlanned,
    ModelStarted,
    Notice,
    StageFinished,
    StageStarted,
)
from pinlite.schema.batch import ModelResult
from pinlite.ui.console import SafeConsole, name
from pinlite.ui.moving_lines import MovingLines, duration

_MARKS = {"right": "[green]✓[/]", "wrong": "[red]✗[/]", "failed": "[red]✗[/]", "not run": "[dim]-[/]"}
_KEPT = "[green]=[/]"


class Pace:
    """How fast models come, and when the last of them may."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._started = time.monotonic()

    def words(self) -> str:
        seconds = time.monotonic() - self._started
        if not self.done or seconds <= 0:
            return duration(seconds)
        rate = self.done / seconds
        left = round((self.total - self.done) / rate)
        told = f"{rate:.1f} a second" if rate >= 1 else f"{1 / rate:.1f} s each"
        return f"{duration(seconds)}, {told}" + (f", about {duration(left)} left" if left else "")


class _PaceColumn(ProgressColumn):
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        pace: Pace | None = task.fields["pace"]
        return Text(pace.words() if pace else duration(task.elapsed or 0.0), "progress.elapsed")


class BatchView(MovingLines):
    """A `BatchObserver`, and a context that keeps the moving lines in order; ``total`` is the number of models."""

    def __init__(self, console: SafeConsole, total: int) -> None:
        now = TextColumn("{task.fields[now]}", markup=False)
        super().__init__(
            console, TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), now, _PaceColumn()
        )
        self._pace = Pace(total)
        self._all = self._progress.add_task(f"0 of {total} models", total=total or 1, now="", pace=self._pace)
        self._models: dict[str, TaskID] = {}
        self._told = set[str]()

    def __call__(self, event: BatchEvent) -> None:
        match event:
            case ModelStarted(model):
                self._models[model] = self._progress.add_task(name(model).plain, total=None, now="", pace=None)
            case ModelPlanned(model, stages):
                self._progress.update(self._models[model], total=stages)
            case InModel(model, StageStarted(stage)):
                self._progress.update(self._models[model], now=stage)
            case InModel(model, StageFinished()):
                self._progress.advance(self._models[model])
            case InModel(model, BuildStarted(image)):
                self._note(f"{model} waits until the {image} image is built")
            case InModel(_, BuildFinished(image, seconds)):
                self._note(f"built the {image} image in {duration(seconds)}")
            case InModel(_, Notice(text)):
                self._note(text)
            case ModelFinished(result):
                self._end(result)

    def _note(self, text: str) -> None:
        """What several models have to say is said once."""
        if text not in self._told:
            self._told.add(text)
            self._console.print(Text("note: ", style="yellow") + Text(text), soft_wrap=True)

    def _end(self, result: ModelResult) -> None:
        self._pace.done += 1
        if (task := self._models.pop(result.name, None)) is not None:
            self._progress.remove_task(task)
        self._progress.update(
            self._all, advance=1, description=f"{self._pace.done} of {self._pace.total} models", refresh=False
        )
        mark = Text.from_markup(_KEPT if result.kept else _MARKS[result.state])
        told = Text(f"{result.name:<28}{result.seconds:7.1f} s")
        if result.message:
            told += Text("  ") + name(": ".join(filter(None, (result.stage, result.message))))
        self._console.print(mark, told, soft_wrap=True)

    def _give_sign(self) -> None:
        told = f". {self._pace.done} of {self._pace.total} models: {self._pace.words()}"
        self._console.print(Text(told), soft_wrap=True)
