"""The engines that there are: one registry, from which runs, cleaning and tests take them."""

import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator, Mapping

from pinlite.engine.protocol import Engine
from pinlite.engine.venv import VenvEngine
from pinlite.errors import NoEngineError, PinliteError, causes
from pinlite.events import Notice, Observer, ignore
from pinlite.machine.retries import repeated
from pinlite.schema.choices import EngineChoice


def _docker() -> Engine:
    from pinlite.engine.docker import DockerEngine  # noqa: PLC0415  # its client takes time to import

    return DockerEngine()


# By name, in the order in which ``auto`` tries them; a NoEngineError where one is not there.
ENGINES: Mapping[str, Callable[[], Engine]] = {"docker": _docker, "venv": VenvEngine}


def present() -> Iterator[Engine]:
    """Those engines that are there."""
    for engine in ENGINES.values():
        with contextlib.suppress(NoEngineError):
            yield engine()


def choose(wanted: EngineChoice, observe: Observer = ignore) -> Engine:
    """The engine that was asked for; ``auto`` is the first that is there, and says why those before it are not.

    Raises:
        NoEngineError: The engine that was asked for is not there, nor a little later.
    """
    if wanted != "auto":
        return repeated(ENGINES[wanted], _may_come, observe)
    for name, after in itertools.pairwise(ENGINES):
        try:
            return ENGINES[name]()
        except NoEngineError as error:
            observe(Notice(f"{error.message}, so the {after} engine runs the stages"))
    return [*ENGINES.values()][-1]()


def _may_come(error: PinliteError) -> bool:
    """Whether an engine may be about to answer: not where there is no socket, no permission, or no such address."""
    *_, first = causes(error)
    return isinstance(first, OSError) and not isinstance(first, FileNotFoundError | PermissionError | socket.gaierror)
