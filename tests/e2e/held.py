"""A conversion that is held in one of its stages: what it runs there stands still until it is killed."""

import os
import signal
import time
from collections.abc import Callable
from typing import TypeVar

from command import Running, workers

from pinlite import toolchain
from pinlite.stages import check, convert, export, infer, translate
from pinlite.stages.stage import Stage

Found = TypeVar("Found")

TOOLCHAIN = toolchain.load()
# By name, in the order of a conversion.
STAGES = {
    stage.name: stage
    for stage in (export.STAGE, check.STAGE, translate.STAGE, convert.STAGE, *map(infer.stage, TOOLCHAIN.runtimes))
}


def until(found: Callable[[], Found], seconds: float = 60) -> Found:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while not (it := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return it


def freeze(running: Running, stage: str) -> list[int]:
    """Make the worker of a stage stand still as soon as it is there; its processes."""
    program, image = _home(STAGES[stage])
    processes = until(
        lambda: [pid for worker in workers(running.process.pid, program, image) for pid in worker.processes]
    )
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    return processes


def asked(running: Running, stage: str) -> None:
    """Wait until the stage has its request's files."""
    until(lambda: list(running.temporary.glob(f"pinlite-*/*/in/{stage}")))


def reach(running: Running, stage: str) -> None:
    """Wait until the stage runs, and hold it there: on a small model it is over in no time."""
    names = list(STAGES)
    before = names[: names.index(stage)]
    if _home(STAGES[stage]) in [_home(STAGES[earlier]) for earlier in before]:
        # The worker of this stage has served one before; while the one between is held, it can be stopped in time.
        between = freeze(running, before[-1])
        asked(running, before[-1])
        freeze(running, stage)
        for pid in between:
            os.kill(pid, signal.SIGCONT)
    else:
        freeze(running, stage)
    asked(running, stage)


def _home(stage: Stage) -> tuple[str, str]:
    """The program that serves a stage, and the name of the image that it is in."""
    return stage.program, TOOLCHAIN.images[stage.image].name
