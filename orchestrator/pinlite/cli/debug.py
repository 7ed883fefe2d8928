from pathlib import Path
from typing import Annotated

import typer

from pinlite.cli.options import Engine, Verbose, data, log
from pinlite.schema.choices import VariantName
from pinlite.ui import tables
from pinlite.ui.console import escaped_json


def debug(
    folder: Annotated[Path, typer.Argument(help="The --out folder of `pinlite convert`.")],
    source: Annotated[
        str | None, typer.Argument(help="The PyTorch model that was converted, to compare its modules too.")
    ] = None,
    weights: Annotated[str | None, typer.Option(metavar="FILE", help="The state_dict that it was given.")] = None,
    requirements: Annotated[
        list[str] | None, typer.Option("--with", metavar="REQUIREMENT", help="A package that its code imports.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="What the conversion was told, training too.")
    ] = None,
    variant: Annotated[
        VariantName | None, typer.Option(help="Which file [the one whose outputs differ the most].")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many layers to show.")] = 10,
    engine: Engine = "auto",
    verbose: Verbose = False,
    json: Annotated[bool, typer.Option("--json", help="Print all layers as JSON.")] = False,
) -> None:
    """Compare a conversion layer by layer, and show which layers add to the error."""
    from pinlite import options
    from pinlite.debugging import debug as debugging
    from pinlite.ui.progress import ProgressView

    given = {"source": source, "weights": weights, "with": requirements}
    recipe = options.resolve(given, file) if file or any(given.values()) else None
    with ProgressView(log, verbose=verbose) as view:
        report = debugging.debug(folder, variant, recipe=recipe, engine=engine, observe=view)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show_layers(report, top, data)
