"""The processor of this computer."""

import os
import platform
import re
from pathlib import Path

# As x86-64 says it, and some of Arm's boards.
_NAME = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)
_CPUINFO = Path("/proc/cpuinfo")


def name() -> str:
    """What it calls itself; its architecture, where it has no name."""
    try:
        found = _NAME.search(_CPUINFO.read_text(errors="replace"))
    except OSError:
        found = None
    return " ".join(found[1].split()) if found else platform.machine()


def threads() -> int:
    """How many threads this process may run at once."""
    return len(os.sched_getaffinity(0))
