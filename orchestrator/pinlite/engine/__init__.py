"""Where stages run. `choose` gives an `Engine`; what one can do is in `protocol`."""

from pinlite.engine.choice import ENGINES, choose, present
from pinlite.engine.docker import DockerEngine
from pinlite.engine.protocol import Engine, Image, Job, Leftover, Worker
from pinlite.engine.venv import VenvEngine

__all__ = [
    "ENGINES",
    "DockerEngine",
    "Engine",
    "Image",
    "Job",
    "Leftover",
    "VenvEngine",
    "Worker",
    "choose",
    "present",
]
