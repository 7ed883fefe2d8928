"""A process of a batch: it carries out one task at a time, and says what happens.

``python -m pinlite.batch.host``, with a socket as its descriptor `SOCKET`. Messages are pickled: both ends are of the
same user and the same pinlite. It is sent `Begin`, then tasks; it sends events and results. It ends when the other end
does.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from pinlite.batch import one_model
from pinlite.conversion.run import Shared
from pinlite.store import runs

if TYPE_CHECKING:
    from pinlite.batch.tasks import Task

SOCKET = 3
_INTERRUPTED = 130


@dataclass(frozen=True)
class Begin:
    """The first message: what all tasks share."""

    shared: Shared | None


class Host:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._saying = threading.Lock()

    def serve(self) -> None:
        """Until nobody has a task any more."""
        shared: Shared | None = self._connection.recv().shared
        threading.Thread(target=self._hear, name="pinlite-tasks", daemon=True).start()
        own = runs.own_files()
        while (task := self._tasks.get()) is not None:
            self._say(one_model.convert(task, shared, self._say, own))

    def _hear(self) -> None:
        """Who asks may be gone while a task is carried out: then that ends as by ^C. The main thread may be about to
        wait for a task, where a signal alone does not wake it.
        """
        with contextlib.suppress(OSError, EOFError):
            while True:
                self._tasks.put(self._connection.recv())
        self._tasks.put(None)
        os.kill(os.getpid(), signal.SIGINT)

    def _say(self, what: object) -> None:
        with self._saying:
            self._connection.send(what)


def main() -> None:
    # The batch's own process says when this one is to end; who starts it may have it ignore ^C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with Connection(SOCKET) as connection:
            Host(connection).serve()
    except (KeyboardInterrupt, OSError, EOFError):
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
