"""What a porter runs in its container: it measures what the worker writes, and removes what is not needed any more.

Python 3.8 runs it too, with nothing of pinlite but `pinlite.engine.written`.
"""

import json
import os
import select
from pathlib import Path
from typing import Any

from pinlite.engine.written import empty, excess, remove

IN, OUT = Path("/in"), Path("/out")
# In seconds, between two looks.
_PAUSE = 0.5


def serve(limit: int) -> None:
    """Until standard input ends. Lines of JSON come there, and are said."""
    heard, told = b"", False
    while True:
        if select.select([0], [], [], _PAUSE)[0]:
            data = os.read(0, 64 * 1024)
            if not data:
                return
            *lines, heard = (heard + data).split(b"\n")
            for line in lines:
                _do(**json.loads(line))
        found = None if told else excess([OUT], limit)
        if found:
            told = True
            _say(excess=[found.what, found.hint])


def _do(removed: str = "", *, clear: bool = False) -> None:
    """Say what has kept it from being done, "" for nothing."""
    error = ""
    try:
        if removed and (OUT / removed).is_dir():
            remove(OUT / removed)
        if clear:
            empty(IN)
            empty(OUT)
    except OSError as refused:
        error = str(refused)
    _say(done=error)


def _say(**what: Any) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")
