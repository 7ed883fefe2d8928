"""What stages print, shown while they print it."""

import threading
from pathlib import Path

from rich.console import Console
from rich.text import Text

_TURN = 0.1


class LogsView:
    """Follows the logs in a folder, in a thread of its own, until it is stopped."""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console = console
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._ended = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="pinlite-logs", daemon=True)
        self._follower.start()

    def stop(self) -> None:
        """Show the remaining lines, and end."""
        self._ended.set()
        self._follower.join()

    def _follow(self) -> None:
        while not self._ended.wait(_TURN):
            self._show(whole_lines=True)
        self._show(whole_lines=False)

    def _show(self, *, whole_lines: bool) -> None:
        for path in sorted(self._folder.glob("*.log")):
            try:
                with path.open("rb") as log:
                    log.seek(self._read.get(path, 0))
                    data = log.read()
            except OSError:
                continue
            if whole_lines:
                data = data[: data.rfind(b"\n") + 1]
            self._read[path] = self._read.get(path, 0) + len(data)
            for line in data.decode(errors="replace").splitlines():
                self._console.print(Text(f"{path.stem}: ", "dim") + Text(line), soft_wrap=True)
