"""Finding and removing what killed runs have left on this machine, and workers that wait for another run."""

from collections.abc import Iterator

from pinlite.engine import present, warm, written
from pinlite.engine.sharing import transfers
from pinlite.machine import folders, guards, temporary
from pinlite.store import collection
from pinlite.store.files import Store


def clean() -> Iterator[str]:
    """Remove it piece by piece; each is told by what it is, when it is gone. What live runs use stays, but no worker is
    kept after them.

    Raises:
        NoEngineError: Docker went away meanwhile.
    """
    for worker in warm.end():
        yield f"warm worker {worker.program} of {worker.image}"
    for engine in present():
        for leftover in engine.leftovers():
            engine.remove(leftover)
            yield f"{leftover.kind} {leftover.name}" + (f" of run {leftover.run}" if leftover.run else "")
    for folder in (*temporary.leftovers(), *temporary.leftovers(beside=transfers.half_moved())):
        written.remove(folder)
        yield f"folder {folder}"
    store = Store()
    if store.root.exists():
        for path in collection.unfinished(store):
            yield f"file {path}"
    yield from _locks()


def _locks() -> Iterator[str]:
    """The files by which runs wait for one another, outside of the store, that nobody holds."""
    for path in sorted(folders.cache().glob("*/**/*.guard")):
        if guards.remove(path):
            yield f"lock {path}"
