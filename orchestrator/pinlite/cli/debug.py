from pathlib import Path
from typing import Annotated

import typer

from pinlite.choices import VariantName
from pinlite.cli.options import Engine, data, log
from pinlite.ui import tables
from pinlite.ui.console import escaped_json


def debug(
    folder: Annotated[Path, typer.Argument(help="The --out folder of `pinlite convert`.")],
    variant: Annotated[
        VariantName | None, typer.Option(help="Which file [the one whose outputs differ the most].")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many layers to show.")] = 10,
    engine: Engine = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print all layers as JSON.")] = False,
) -> None:
    """Compare a conversion layer by layer, and show which layers add to the error."""
    from pinlite import debug as debugging
    from pinlite.ui.progress import ProgressView

    with ProgressView(log) as view:
        report = debugging.debug(folder, variant, engine=engine, observe=view)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show_layers(report, top, data)
