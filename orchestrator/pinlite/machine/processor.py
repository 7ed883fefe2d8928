"""The processor of this computer."""

import os
import platform as system
import re
from pathlib import Path

# As x86-64 says it, and some of Arm's boards.
_NAME = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)
_CPUINFO = Path("/proc/cpuinfo")
# As Docker calls what a system calls itself.
_PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


def name() -> str:
    """What it calls itself; its architecture, where it has no name."""
    try:
        found = _NAME.search(_CPUINFO.read_text(errors="replace"))
    except OSError:
        found = None
    return " ".join(found[1].split()) if found else system.machine()


def platform_of(machine: str) -> str:
    """How Docker calls a Linux on a machine that calls itself so."""
    return _PLATFORMS.get(machine, f"linux/{machine}")


def platform() -> str:
    """How Docker calls this machine."""
    return platform_of(system.machine())


def threads() -> int:
    """How many threads this process may run at once."""
    return len(os.sched_getaffinity(0))
