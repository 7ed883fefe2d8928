"""A conversion again, to see that it comes to the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinlite import config, locking, pipeline, temporary
from pinlite.events import Observer, ignore
from pinlite.report import Report


def reproduce(record: Path, options: Mapping[str, Any], observe: Observer = ignore) -> Report:
    """Convert by a pinlite.lock, or by a report.json from the folder that it was made in, without the store.

    ``options`` are those that no record has: the engine, trust and limits, as in pinlite.toml.

    Raises:
        NotReproducibleError: Inputs, images or what came of them are not what is on record.
        PinliteError: As `pinlite.pipeline.run`.
    """
    recorded = locking.read(record)
    with temporary.folder() as folder:
        given = {key: value for key, value in options.items() if value is not None}
        asked = recorded.options | given | {"out": str(Path(folder, "out")), "no-cache": True}
        return pipeline.run(config.resolve(asked), observe, recorded=recorded)
