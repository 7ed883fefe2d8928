from typing import Unpack

import typer

from pinlite import api
from pinlite.cli.consoles import data, progress
from pinlite.options.declared import DebugOptions
from pinlite.ui import tables
from pinlite.ui.console import escaped_json


def debug(
    *,
    folder: str,
    source: str | None = None,
    top: int,
    verbose: bool,
    json: bool,
    **given: Unpack[DebugOptions],
) -> None:
    with progress(verbose=verbose) as view:
        report = api.debug(folder, source, observe=view, **given)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show_layers(report, top, data)
