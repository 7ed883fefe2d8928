from pathlib import Path
from typing import Unpack

import typer
from rich.text import Text

from pinlite import api
from pinlite.cli.consoles import data, log, progress
from pinlite.machine import writing
from pinlite.options.declared import DebugOptions
from pinlite.store import output
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
    file = Path(folder, output.LAYERS[report.variant])
    try:
        writing.whole(file, tables.all_layers(report))
        writing.whole(Path(folder, output.DEBUGGED[report.variant]), report.to_json())
    except OSError as error:
        log.print(Text(f"{file} can't be written: {error.strerror}"), soft_wrap=True)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show_layers(report, top, data)
        data.print(Text(f"all {len(report.layers)} layers: {file}"), soft_wrap=True)
