"""How far what two runtimes computed is apart, and whether that is too far.

``outputs`` compares arrays and has each variant's tolerance, ``profiles`` tells a fault from rounding on samples that
are made to find faults, ``lost_channels`` finds what integers have lost. May import `pinlite.schema`,
`pinlite.inputs` and what all stand on.
"""

from pinlite.parity.outputs import Array, Arrays, Figures, agree, compare, figures, hop, read, real, tolerance

__all__ = ["Array", "Arrays", "Figures", "agree", "compare", "figures", "hop", "read", "real", "tolerance"]
