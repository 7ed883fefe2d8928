"""How far apart the outputs of two runtimes are, and whether that is too far.

``outputs`` compares arrays and has the tolerance of each variant; ``profiles`` tells faults from rounding on samples
that are made to find faults; ``lost_channels`` finds values that integers have lost. May import `pinlite.inputs`,
`pinlite.schema`, and what these may import.
"""

from pinlite.parity.outputs import Array, Arrays, Figures, agree, compare, distance, figures, hop, read, real, tolerance

__all__ = ["Array", "Arrays", "Figures", "agree", "compare", "distance", "figures", "hop", "read", "real", "tolerance"]
