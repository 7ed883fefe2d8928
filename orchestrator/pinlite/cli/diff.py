from pathlib import Path
from typing import Annotated

import typer

from pinlite.cli.options import Engine, Verbose, data, log
from pinlite.ui import differences
from pinlite.ui.console import escaped_json


def diff(
    one: Annotated[Path, typer.Argument(metavar="A.tflite", help="A TFLite file.", show_default=False)],
    other: Annotated[Path, typer.Argument(metavar="B.tflite", help="The one to compare it with.", show_default=False)],
    samples: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Run both, too: one array per input, under its name in the first file."),
    ] = None,
    engine: Engine = "auto",
    verbose: Verbose = False,
    json: Annotated[bool, typer.Option("--json", help="Print all differences as JSON.")] = False,
) -> None:
    """Say in what two TFLite files differ; 9 is the status where they do."""
    from pinlite.audit import file_differences
    from pinlite.errors import DifferentError
    from pinlite.ui.progress import ProgressView

    with ProgressView(log, verbose=verbose) as view:
        report = file_differences.diff(one, other, samples, engine=engine, observe=view)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        differences.show(report, data)
    if report.found:
        raise DifferentError(
            f"{one} and {other} differ: {report.summary}",
            hint="--json lists every difference" if samples else "--samples FILE.npz compares what they compute",
        )
