from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pinlite.cli.options import Engine, data, log
from pinlite.ui import tables


def reproduce(
    record: Annotated[Path, typer.Argument(help="A pinlite.lock, or the report.json of a conversion.")],
    engine: Engine = "auto",
) -> None:
    """Convert anew what is on record, without the store, and compare the bytes."""
    from pinlite import reproduction
    from pinlite.ui.progress import ProgressView

    with ProgressView(log) as view:
        report = reproduction.reproduce(record, engine=engine, observe=view)
    shown = tables.table("artifacts", "artifact", "size", "sha256", "", numbers=("size",))
    for artifact in report.artifacts:
        shown.add_row(
            Text(artifact.path), tables.bytes_(artifact.size), artifact.sha256[:16], Text("the same bytes", "green")
        )
    data.print(shown)
    data.print(Text(f"{record} was reproduced by the {report.engine} engine"), soft_wrap=True)
