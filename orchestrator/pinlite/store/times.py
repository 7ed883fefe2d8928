"""How long stages may take: as in the earlier conversion into a folder, or in the last one on this machine."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from pinlite.events import TimesKnown
from pinlite.machine import folders, writing
from pinlite.store import output

# In pinlite's own folder.
_FILE = "times.json"


def known(out: Path) -> TimesKnown:
    """What there is to go by for a conversion into a folder."""
    earlier = output.earlier_times(out)
    return TimesKnown(earlier) if earlier else TimesKnown(_last(), of_another=True)


def note(seconds: Mapping[str, float]) -> None:
    """Keep what stages took, by name, in seconds. It only helps to tell the time: nothing fails where that can't be."""
    with contextlib.suppress(OSError):
        folders.cache().mkdir(parents=True, exist_ok=True)
        writing.whole(folders.cache() / _FILE, json.dumps({**_last(), **seconds}, sort_keys=True))


def _last() -> dict[str, float]:
    try:
        found = json.loads((folders.cache() / _FILE).read_text())
        return {str(name): float(seconds) for name, seconds in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
