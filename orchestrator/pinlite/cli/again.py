"""`pinlite convert` when nothing has changed: answered before the command line's own packages are imported."""

import sys
from collections.abc import Sequence

from pinlite.cli import ci


def again(arguments: Sequence[str]) -> bool:
    """Answer a command line from the store, as it was answered before; False where that can't be."""
    if arguments[:1] != ["convert"] or ci.is_here():
        return False
    from pinlite.store import runs

    known = runs.find(arguments)
    if known is None or not runs.publish(known):
        return False
    if "--json" in arguments:
        from pinlite.ui.console import as_json

        sys.stdout.write(as_json(known.report))
    else:
        from pinlite.ui import tables
        from pinlite.ui.console import SafeConsole

        tables.show(known.report, str(known.out), SafeConsole())
    return True
