"""A conversion that is held in one of its stages: what it runs there stands still until it is killed."""

import os
import signal
import time
from collections.abc import Callable
from typing import TypeVar

from command import Running, workers

Found = TypeVar("Found")

# Each stage with the program that serves it.
STAGES = {
    "export": "export",
    "check": "check",
    "translate": "translate",
    "convert": "convert",
    "infer": "infer",
    "infer-tensorflow-2.4.1": "convert",
}


def until(found: Callable[[], Found], seconds: float = 60) -> Found:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while not (it := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return it


def freeze(running: Running, program: str) -> list[int]:
    """Make a worker stand still as soon as it is there; its processes."""
    processes = until(lambda: [pid for worker in workers(running.process.pid, program) for pid in worker.processes])
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    return processes


def asked(running: Running, stage: str) -> None:
    """Wait until the stage has its request's files."""
    until(lambda: list(running.temporary.glob(f"pinlite-*/*/in/{stage}")))


def reach(running: Running, stage: str) -> None:
    """Wait until the stage runs, and hold it there: on a small model it is over in no time."""
    if stage == "infer-tensorflow-2.4.1":
        # The worker of this stage has served one before; while the one between is held, it can be stopped in time.
        between = freeze(running, "infer")
        asked(running, "infer")
        freeze(running, STAGES[stage])
        for pid in between:
            os.kill(pid, signal.SIGCONT)
    else:
        freeze(running, STAGES[stage])
    asked(running, stage)
