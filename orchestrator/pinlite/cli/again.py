"""`pinlite convert` when nothing has changed: answered before the command line's own packages are imported."""

import sys
from collections.abc import Sequence

from pinlite import shortcut


def again(arguments: Sequence[str]) -> bool:
    """Answer a command line from the store, as it was answered before; False where that can't be."""
    known = shortcut.find(arguments) if arguments[:1] == ["convert"] else None
    if known is None or not shortcut.publish(known):
        return False
    if "--json" in arguments:
        sys.stdout.write(known.report)
    else:
        from rich.console import Console

        from pinlite.ui import tables

        tables.show(known.shown, str(known.out), Console())
    return True
