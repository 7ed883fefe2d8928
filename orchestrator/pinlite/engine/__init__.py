"""Where stages run. `choose` gives an `Engine`; what one can do is in `protocol`."""

from pinlite.engine.choice import choose
from pinlite.engine.docker import DockerEngine
from pinlite.engine.protocol import Engine, Image, Job, Leftover, Worker
from pinlite.engine.venv import VenvEngine

__all__ = ["DockerEngine", "Engine", "Image", "Job", "Leftover", "VenvEngine", "Worker", "choose"]
