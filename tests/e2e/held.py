"""A conversion that is held in one of its stages: what it runs there stands still until it is killed."""

import os
import signal
import time
from collections.abc import Callable
from typing import TypeVar

from command import Running, workers

from pinlite import toolchain
from pinlite.stages import check, convert, export, infer, timing, translate
from pinlite.stages.stage import Stage

Found = TypeVar("Found")

TOOLCHAIN = toolchain.load()
_FIRST = (export.STAGE, check.STAGE, translate.STAGE, convert.STAGE)
_INFER = [infer.stage(runtime) for runtime in TOOLCHAIN.runtimes]
_BESIDE = (check.COMPUTE, translate.COMPUTE)
_TIME = [timing.stage(runtime) for runtime in TOOLCHAIN.runtimes]
# The names of all stages of a conversion, in the order of its report.
STAGES = tuple(stage.name for stage in (*_FIRST[:-1], *_BESIDE, _FIRST[-1], *_INFER, *_TIME))
# Those that are the first which their worker serves, by name: they can be held.
HELD = {stage.name: stage for stage in (*_FIRST, *_INFER) if stage.image != "tensorflow-2.4.1"}
# What runs beside those, by name.
_COMPANY = {translate.STAGE.name: (check.COMPUTE,)} | {stage.name: (*_BESIDE, *_INFER) for stage in _INFER}


def until(found: Callable[[], Found], seconds: float = 60) -> Found:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while not (it := found()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return it


def freeze(running: Running, stage: str) -> list[int]:
    """Make the worker of a stage stand still as soon as it is there; its processes."""
    program, image = _home(HELD[stage])
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
    freeze(running, stage)
    asked(running, stage)


def reach_alone(running: Running, stage: str) -> None:
    """`reach`, and wait until all that runs beside it is over."""
    reach(running, stage)
    company = [other.name for other in _COMPANY.get(stage, ()) if other.name != stage]
    until(lambda: all(f"✓ {name} " in running.said() for name in company))


def _home(stage: Stage) -> tuple[str, str]:
    """The program that serves a stage, and the name of the image that it is in."""
    return stage.program, TOOLCHAIN.images[stage.image].name
