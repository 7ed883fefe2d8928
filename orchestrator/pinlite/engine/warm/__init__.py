"""Workers that stay: one that runs no user code may serve the next run of the same user, image, program and limits.

A *keeper* (``keeper.py``) is a process that outlives commands. It starts workers by an engine, lends each to one run at
a time, and ends them when nobody has asked for them for as long as the runs said; then it ends itself. A run has a
`BorrowedWorker` (``borrowed.py``) in place of the worker; ``wire.py`` is what the two say to each other, over a socket
that their own user alone can reach.

May import the rest of `pinlite.engine`, but for the docker engine, which `pinlite.engine.choice` finds.
"""

from pinlite.engine.warm.borrowed import BorrowedWorker, borrow
from pinlite.engine.warm.inventory import dismiss, end, listed
from pinlite.engine.warm.wire import WarmWorker

__all__ = ["BorrowedWorker", "WarmWorker", "borrow", "dismiss", "end", "listed"]
