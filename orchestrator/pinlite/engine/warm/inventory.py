"""What this user's keepers have."""

import contextlib
from collections.abc import Iterator

from pinlite.engine.warm import wire
from pinlite.engine.warm.wire import WarmWorker


def listed() -> list[WarmWorker]:
    """The workers that are kept warm, those that serve a run among them."""
    return [*_answers(wire.LIST)]


def end() -> list[WarmWorker]:
    """End those that wait for a run, now, and those that serve one with that run; what has been ended."""
    return [*_answers(wire.END)]


def dismiss(keeper: str) -> None:
    """End the keeper of a name with all its workers, once no run has one, and wait until it has gone."""
    for connection in wire.known(keeper):
        with connection, contextlib.suppress(OSError, EOFError):
            connection.send(wire.LEAVE)
            connection.recv()
            wire.wait_for_the_end(connection)


def _answers(asked: str) -> Iterator[WarmWorker]:
    for connection in wire.known():
        with connection:
            try:
                connection.send(asked)
                yield from connection.recv()
            except (OSError, EOFError):
                continue  # it has ended meanwhile
