"""How much memory a worker has taken, with what the processes that it forked took beside it, in bytes; and how it gives
back what it has freed.
"""

import ctypes
import re
import resource
from pathlib import Path

_KIB = 1024
_STATUS = re.compile(r"^(\w+):\s*(\d+) kB$", re.MULTILINE)


class _Forked:
    """The most that processes which ran at the same time have taken."""

    most = 0


def peak():
    """The largest resident set so far, and the most that forked processes have taken of their own: an upper bound, as
    the two need not have been at the same time.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB + _Forked.most


def give_back():
    """Hand the system what was freed. glibc keeps it where it lies between blocks that are used, and what is allocated
    next may be too large for the gaps.
    """
    ctypes.CDLL(None).malloc_trim(0)


def anonymous():
    """What this process has that is of no file. A fork begins with all of it, and shares it while nobody writes."""
    return _of_status()["RssAnon"]


def most_anonymous():
    """The most that it has had of that. What is of files, libraries say, is there once for all processes."""
    status = _of_status()
    return max(status["RssAnon"], status["VmHWM"] - status["RssFile"])


def note_forked(taken):
    """Count what processes that ran at the same time have each taken of their own."""
    _Forked.most = max(_Forked.most, sum(taken))


def _of_status():
    found = {name: int(size) * _KIB for name, size in _STATUS.findall(Path("/proc/self/status").read_text())}
    # Kernels that are not Linux itself may lack these; nothing is counted then.
    return {name: found.get(name, 0) for name in ("RssAnon", "RssFile", "VmHWM")}
