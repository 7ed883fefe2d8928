from pinlite.choices import EngineChoice
from pinlite.engine.docker import DockerEngine
from pinlite.engine.protocol import Engine
from pinlite.engine.venv import VenvEngine
from pinlite.errors import NoEngineError


def choose(wanted: EngineChoice) -> Engine:
    """The engine that was asked for; ``auto`` is docker where one answers, else venv.

    Raises:
        NoEngineError: Docker was asked for by name, and none answers.
    """
    if wanted == "venv":
        return VenvEngine()
    try:
        return DockerEngine()
    except NoEngineError:
        if wanted == "docker":
            raise
        return VenvEngine()
