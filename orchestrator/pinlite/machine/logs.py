"""The logs of runs: a folder for each run in `folders.logs`, of which the newest are kept."""

import contextlib
import re
import shutil
from pathlib import Path

from pinlite.machine import folders

# How many runs, and how many reports of bugs. The log of a stage ends at 64 MiB.
KEPT = 50

_RUN = re.compile(r"[0-9a-f]{12}")
_BUG = re.compile(r"bug-.*\.txt")


def start(run: str) -> Path:
    """Make the folder for a run's logs, and remove the oldest ones. OSError if it can't be made."""
    # Removed first: if the clock was set back, the new folder would be the oldest.
    for name, kept in ((_RUN, KEPT - 1), (_BUG, KEPT)):
        for path in _newest_first(name)[kept:]:
            _remove(path)
    folder = folders.logs() / run
    folder.mkdir(parents=True)
    return folder


def last(since: float) -> list[Path]:
    """The logs of the newest run after ``since`` (seconds since 1970), in the order in which they were last written."""
    runs = [run for run in _newest_first(_RUN) if _written(run) >= since]
    return sorted(runs[0].glob("*.log"), key=_written) if runs else []


def _newest_first(name: re.Pattern[str]) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(
            (path for path in folders.logs().iterdir() if name.fullmatch(path.name)),
            key=lambda path: (_written(path), path.name),
            reverse=True,
        )
    return []


def _written(path: Path) -> float:
    """The time of the last change; a file that another run has just removed counts as the oldest."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
