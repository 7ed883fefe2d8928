"""Who runs actions, and how: a `Runner` is the seam between a plan of actions and the machines that run them.

``protocol.py`` says what every runner does. ``local.py`` runs an action in a worker of an engine on this machine
(``workers.py`` has them started ahead, ``execute.py`` places inputs, asks, and takes outputs); ``caching.py`` looks up
in the store first, whatever runner is behind it. ``provision.py`` has the images that stages need, and what their
sandbox may see.

May import `pinlite.engine`, `pinlite.store`, `pinlite.stages` and what these stand on.
"""

from pinlite.runner.caching import CachingRunner
from pinlite.runner.local import LocalRunner
from pinlite.runner.protocol import Done, Runner, Shared

__all__ = ["CachingRunner", "Done", "LocalRunner", "Runner", "Shared"]
