"""Which process something belongs to, so that what a killed one left can be told from what still works."""

import os
import platform
from pathlib import Path

# A killed process stays as a zombie until its parent looks; in a container, maybe for ever.
_ENDED = ("X", "Z")


def this() -> str:
    """The process that asks, as ``machine/number.start``."""
    return _of(os.getpid())


def is_alive(identity: str) -> bool:
    """Whether the process still exists, on this machine and since this boot."""
    machine, _, process = identity.partition("/")
    if machine != platform.node():
        return True  # another machine's: not ours to judge
    return identity == _of(int(process.partition(".")[0]))


def _of(pid: int) -> str:
    """A process by its machine, number and start, because numbers come again."""
    try:
        # The second field is the command in parentheses, which may hold spaces; the 22nd is the start, in clock ticks.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        state, fields = "X", []
    started = "gone" if state in _ENDED else fields[18]
    return f"{platform.node()}/{pid}.{started}"
