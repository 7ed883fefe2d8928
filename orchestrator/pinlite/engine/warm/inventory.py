"""What this user's keepers have."""

from collections.abc import Iterator

from pinlite.engine.warm import wire
from pinlite.engine.warm.wire import WarmWorker


def listed() -> list[WarmWorker]:
    """The workers that are kept warm, those that serve a run among them."""
    return [*_answers(wire.LIST)]


def end(keeper: str = "") -> list[WarmWorker]:
    """End those that wait for a run, now, and those that serve one with that run; what has been ended. Of all keepers,
    or of those of a name.
    """
    return [*_answers(wire.END, keeper)]


def _answers(asked: str, keeper: str = "") -> Iterator[WarmWorker]:
    for connection in wire.known(keeper):
        with connection:
            try:
                connection.send(asked)
                yield from connection.recv()
            except (OSError, EOFError):
                continue  # it has ended meanwhile
