"""Running a command to its end, with the seconds that it takes and the memory of its largest process."""

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import conversion

TIMEOUT = 3600
# The kernel gives the peak in so many bytes.
UNIT = 1024
# The folders of this machine, in what a command says.
FOLDERS = re.compile(r"(?<![\w.:/])/(?:[\w.+-]+/)+")

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Ran:
    """``memory`` is the peak, in bytes, of the largest of a command's processes: itself and all that it has awaited."""

    seconds: float
    memory: int


class FailedError(Exception):
    """A process failed; the message is the end of what it printed."""

    def __init__(self, message: str, ran: Ran) -> None:
        super().__init__(message)
        self.ran = ran


def run(command: Command, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a command.

    Raises:
        FailedError: It ended with another status than 0, or not in time.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=log, env=environment)
        late = threading.Timer(TIMEOUT, process.kill)
        late.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        ran = Ran(seconds, usage.ru_maxrss * UNIT)
        if not process.returncode:
            return ran
        if seconds >= TIMEOUT:
            raise FailedError(f"not done after {TIMEOUT} s", ran)
        said = FOLDERS.sub("", conversion.cause(_text(log) or _text(printed)))
    raise FailedError(said or f"it ended with status {process.returncode}", ran)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
