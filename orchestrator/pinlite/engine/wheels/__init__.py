"""The files that locks install, kept on this machine by their hash for every engine.

`Pins` says what is wanted, `WheelCache` which files that is, where they are, and how they get there.
"""

from pinlite.engine.wheels.cache import WheelCache
from pinlite.engine.wheels.npm import unpacked
from pinlite.engine.wheels.pins import Distribution, Pins

__all__ = ["Distribution", "Pins", "WheelCache", "unpacked"]
