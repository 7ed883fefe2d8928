from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pinlite.cli.options import Disk, Engine, Memory, Timeout, Trust, data, log
from pinlite.ui import tables
from pinlite.units import bytes_


def reproduce(
    record: Annotated[Path, typer.Argument(help="A pinlite.lock, or the report.json of a conversion.")],
    engine: Engine = "auto",
    trust: Trust = None,
    memory: Memory = None,
    disk: Disk = None,
    timeout: Timeout = None,
) -> None:
    """Convert anew what is on record, without the store, and compare the bytes."""
    from pinlite.conversion import reproduction
    from pinlite.ui.progress import ProgressView

    with ProgressView(log) as view:
        options = {"engine": engine, "trust": trust, "memory": memory, "disk": disk, "timeout": timeout}
        report = reproduction.reproduce(record, options, view)
    shown = tables.table("artifacts", "artifact", "size", "sha256", "", numbers=("size",))
    for artifact in report.artifacts:
        shown.add_row(Text(artifact.path), bytes_(artifact.size), artifact.sha256[:16], Text("the same bytes", "green"))
    data.print(shown)
    data.print(Text(f"{record} was reproduced by the {report.engine} engine"), soft_wrap=True)
