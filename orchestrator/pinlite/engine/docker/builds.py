"""Several builds at a time, each after the build of the image below it."""

import os
from collections.abc import Collection, Sequence
from queue import SimpleQueue
from threading import Thread

from pinlite.engine.docker.build import Build
from pinlite.events import Event, Observer

# Each takes one processor for most of its time, and a disk.
_MOST = 4
# How long those are waited for that were told to stop, in seconds: one that is writing a layer writes it first.
_PATIENCE = 10

_Said = SimpleQueue[tuple[Build, Event | BaseException | None]]


def run(builds: Collection[Build], observe: Observer) -> None:
    """Run all of them. The observer is told by this thread alone, whichever build has something to say.

    Raises:
        ImageError: As `Build.run`; the others are stopped then, as they are where this thread is interrupted.
    """
    waiting, running = list(builds), dict[Build, Thread]()
    said: _Said = SimpleQueue()
    try:
        while waiting or running:
            for build in _next(waiting, running):
                waiting.remove(build)
                running[build] = Thread(target=_run, args=(build, said), daemon=True)
                running[build].start()
            build, what = said.get()
            if isinstance(what, BaseException):
                raise what
            if what:
                observe(what)
            else:
                del running[build]
    finally:
        for build in running:
            build.stop()
        for thread in running.values():
            thread.join(_PATIENCE / len(running))


def _next(waiting: Sequence[Build], running: Collection[Build]) -> list[Build]:
    """What can begin now: first what takes the longest, with what stands on it."""
    unmade = {build.image.reference for build in (*waiting, *running)}
    ready = [build for build in waiting if build.below not in unmade]
    return sorted(ready, key=lambda build: -_weight(build, waiting))[: _at_once() - len(running)]


def _weight(build: Build, others: Sequence[Build]) -> int:
    return build.size + sum(_weight(each, others) for each in others if each.below == build.image.reference)


def _at_once() -> int:
    return min(os.cpu_count() or 1, _MOST)


def _run(build: Build, said: _Said) -> None:
    try:
        build.run(lambda event: said.put((build, event)))
    except BaseException as error:  # noqa: BLE001  # raised again by who waits
        said.put((build, error))
    else:
        said.put((build, None))
