"""The engines that there are: one registry, from which runs, cleaning and tests take them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

from pinlite.engine.docker import DockerEngine
from pinlite.engine.protocol import Engine
from pinlite.engine.venv import VenvEngine
from pinlite.errors import NoEngineError, PinliteError
from pinlite.events import Notice, Observer, ignore
from pinlite.machine.retries import repeated
from pinlite.schema.choices import EngineChoice

# By name, in the order in which ``auto`` tries them; a NoEngineError where one is not there.
ENGINES: Mapping[str, Callable[[], Engine]] = {"docker": DockerEngine, "venv": VenvEngine}


def present() -> Iterator[Engine]:
    """Those engines that are there."""
    for engine in ENGINES.values():
        with contextlib.suppress(NoEngineError):
            yield engine()


def choose(wanted: EngineChoice, observe: Observer = ignore) -> Engine:
    """The engine that was asked for; ``auto`` is docker where one answers, else venv, which it says with the reason.

    Raises:
        NoEngineError: Docker was asked for by name, and none answers, nor a little later.
    """
    if wanted == "venv":
        return VenvEngine()
    if wanted == "docker":
        return repeated(DockerEngine, _may_come, observe)
    try:
        return DockerEngine()
    except NoEngineError as error:
        observe(Notice(f"{error.message}, so the venv engine runs the stages"))
        return VenvEngine()


def _may_come(error: PinliteError) -> bool:
    """Where there is not even a socket, nothing is about to answer."""
    return "No such file" not in error.message
