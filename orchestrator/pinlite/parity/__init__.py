"""How far apart the outputs of two runtimes are, and whether that is too far.

``outputs`` compares arrays and has the tolerance of each variant; ``profiles`` tells faults from rounding on samples
that are made to find faults; ``lost_channels`` finds values that integers have lost. May import `pinlite.inputs`,
`pinlite.schema`, and what these may import.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pinlite.parity.outputs import (
        Array,
        Arrays,
        Figures,
        agree,
        compare,
        distance,
        figures,
        hop,
        read,
        real,
        tolerance,
    )

__all__ = ["Array", "Arrays", "Figures", "agree", "compare", "distance", "figures", "hop", "read", "real", "tolerance"]


def __getattr__(name: str) -> Any:
    """What compares needs numpy, which takes time to import: workers start meanwhile."""
    if name in __all__:
        return getattr(importlib.import_module(f"{__name__}.outputs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
