"""Identities of processes, so that leftovers of a killed process can be told from the work of a live one."""

import os
import platform
from pathlib import Path

# A killed process stays as a zombie until its parent waits for it; in a container, perhaps for ever.
_ENDED = ("X", "Z")


def this() -> str:
    """The identity of this process: ``machine/number.start``."""
    return _of(os.getpid())


def is_alive(identity: str) -> bool:
    """Whether the process of an identity still runs. Processes of other machines count as alive."""
    machine, _, process = identity.partition("/")
    if machine != platform.node():
        return True
    return identity == _of(int(process.partition(".")[0]))


def _of(pid: int) -> str:
    """A process by its machine, number and start time, because numbers are reused."""
    try:
        # The second field is the command in parentheses, which may hold spaces; the 22nd is the start, in clock ticks.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        state, fields = "X", []
    started = "gone" if state in _ENDED else fields[18]
    return f"{platform.node()}/{pid}.{started}"
