"""Which run a container or process belongs to, so that what a killed run left can be told from what still works."""

import os
import platform
import uuid
from pathlib import Path

from pinlite.engine.protocol import Job

MARK = "pinlite"
RUN = "pinlite.run"
STAGE = "pinlite.stage"
WORKER = "pinlite.worker"
OWNER = "pinlite.owner"

# A killed process stays as a zombie until its parent looks; in a container, maybe for ever.
_ENDED = ("X", "Z")


def labels(job: Job) -> dict[str, str]:
    """What tells one worker from every other, and whose it is."""
    return {
        MARK: "worker",
        RUN: job.run,
        STAGE: job.program,
        WORKER: uuid.uuid4().hex,
        OWNER: _identity(os.getpid()),
    }


def is_alive(owner: str) -> bool:
    """Whether the process that set this label still exists, on this machine and since this boot."""
    machine, _, process = owner.partition("/")
    if machine != platform.node():
        return True  # another machine's: not ours to judge
    return owner == _identity(int(process.partition(".")[0]))


def _identity(pid: int) -> str:
    """A process by its machine, number and start, because numbers come again."""
    try:
        # The second field is the command in parentheses, which may hold spaces; the 22nd is the start, in clock ticks.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        state, fields = "X", []
    started = "gone" if state in _ENDED else fields[18]
    return f"{platform.node()}/{pid}.{started}"
