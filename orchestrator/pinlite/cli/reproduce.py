from typing import Unpack

import typer
from rich.text import Text

from pinlite import api
from pinlite.cli.consoles import data, progress
from pinlite.options.declared import RunningOptions
from pinlite.ui import tables
from pinlite.ui.console import escaped_json
from pinlite.units import bytes_


def reproduce(*, record: str, json: bool, **given: Unpack[RunningOptions]) -> None:
    with progress() as view:
        report = api.reproduce(record, observe=view, **given)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
        return
    shown = tables.table("artifacts", "artifact", "size", "sha256", "", numbers=("size",))
    for artifact in report.artifacts:
        shown.add_row(Text(artifact.path), bytes_(artifact.size), artifact.sha256[:16], Text("the same bytes", "green"))
    data.print(shown)
    data.print(Text(f"{record} was reproduced by the {report.engine} engine"), soft_wrap=True)
