import time

from pinlite.choices import EngineChoice
from pinlite.engine.docker import PAUSES, DockerEngine
from pinlite.engine.protocol import Engine
from pinlite.engine.venv import VenvEngine
from pinlite.errors import NoEngineError
from pinlite.events import Notice, Observer, ignore


def choose(wanted: EngineChoice, observe: Observer = ignore) -> Engine:
    """The engine that was asked for; ``auto`` is docker where one answers, else venv.

    Raises:
        NoEngineError: Docker was asked for by name, and none answers, nor a little later.
    """
    if wanted == "venv":
        return VenvEngine()
    for pause in (*PAUSES, None):
        try:
            return DockerEngine()
        except NoEngineError as error:
            if wanted != "docker":
                return VenvEngine()
            # Where there is not even a socket, nothing is about to answer.
            if pause is None or "No such file" in error.message:
                raise
            observe(Notice(f"{error.message}; asked again in {pause:g} s"))
            time.sleep(pause)
    raise AssertionError("the last pause is None")
