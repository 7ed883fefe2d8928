"""Moving lines on a terminal, below what is printed; elsewhere a sign of life now and then."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from rich.progress import Progress, ProgressColumn

from pinlite.ui.console import SafeConsole

# Seconds between two signs of life.
BEAT = 30.0
_MINUTE = 60


class MovingLines(ABC):
    """A context that keeps the lines in order, each of these ``columns``."""

    def __init__(self, console: SafeConsole, *columns: ProgressColumn) -> None:
        self._console = console
        self._moves = console.is_interactive and not console.calm
        self._progress = Progress(*columns, console=console, transient=True, disable=not self._moves)
        self._ended = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="pinlite-progress", daemon=True)

    @abstractmethod
    def _give_sign(self) -> None:
        """Say in lines what is under way."""

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            self._give_sign()

    def __enter__(self) -> Self:
        self._progress.start()
        if not self._moves and not self._console.calm:
            self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._progress.stop()


def duration(seconds: float) -> str:
    """In words."""
    whole = round(seconds)
    return f"{whole} s" if whole < _MINUTE else f"{whole // _MINUTE}:{whole % _MINUTE:02} min"
