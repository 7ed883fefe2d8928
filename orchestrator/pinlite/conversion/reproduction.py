"""Convert again from a record, and compare the bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinlite.conversion import pipeline
from pinlite.events import Observer, ignore
from pinlite.machine import temporary
from pinlite.options import resolve
from pinlite.provenance import lockfile
from pinlite.provenance.lockfile import Recorded
from pinlite.schema.report import Report


def reproduce(record: Path, options: Mapping[str, Any], observe: Observer = ignore) -> Report:
    """Convert by a pinlite.lock, or by a report.json from the folder that it was made in, without the store.

    ``options`` are those that no record has: the engine, trust and limits, as in pinlite.toml.

    Raises:
        NotReproducibleError: Inputs, images or what came of them are not what is on record.
        PinliteError: As `pinlite.conversion.pipeline.run`.
    """
    recorded = lockfile.read(record)
    with temporary.folder() as folder:
        given = {key: value for key, value in options.items() if value is not None}
        asked = recorded.options | given | {"out": str(Path(folder, "out")), "no-cache": True}
        return pipeline.run(resolve(asked), observe, recorded=Recorded(recorded))
