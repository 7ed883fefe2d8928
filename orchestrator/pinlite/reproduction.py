"""A conversion again, to see that it comes to the same."""

import tempfile
from pathlib import Path

from pinlite import config, locking, pipeline
from pinlite.choices import EngineChoice
from pinlite.events import Observer, ignore
from pinlite.model import Report


def reproduce(record: Path, *, engine: EngineChoice = "auto", observe: Observer = ignore) -> Report:
    """Convert by a pinlite.lock, or by a report.json from the folder that it was made in, without the store.

    Raises:
        NotReproducibleError: Inputs, images or what came of them are not what is on record.
        PinliteError: As `pinlite.pipeline.run`.
    """
    recorded = locking.read(record)
    with tempfile.TemporaryDirectory(prefix="pinlite-") as folder:
        asked = {"out": str(Path(folder, "out")), "engine": engine, "no-cache": True}
        return pipeline.run(config.resolve(recorded.options | asked), observe, recorded=recorded)
