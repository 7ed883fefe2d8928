"""Where workers run: ``protocol.py`` says what an engine offers, ``choice.py`` has the registry of them; ``docker/``
and ``venv.py`` are the two that there are; ``wheels/`` keeps the packages that their images are made of.
An engine finds what killed runs have left of its own, by the labels of ``owner.py``.

May import `pinlite.toolchain`, and what that may import. Only ``docker/`` imports docker.
"""

from pinlite.engine.choice import ENGINES, choose, present
from pinlite.engine.protocol import Engine, Image, Job, Leftover, Worker
from pinlite.engine.venv import VenvEngine

__all__ = [
    "ENGINES",
    "Engine",
    "Image",
    "Job",
    "Leftover",
    "VenvEngine",
    "Worker",
    "choose",
    "present",
]
