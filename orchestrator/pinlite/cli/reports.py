from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pinlite.cli.consoles import data
from pinlite.ui import tables
from pinlite.ui.console import escaped_json

if TYPE_CHECKING:
    from pinlite.schema.report import Report


def show(report: "Report", out: Path, *, json: bool) -> None:
    """The report of a conversion, whose results are in ``out``."""
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show(report, str(out), data)
