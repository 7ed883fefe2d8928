from typing import Unpack

import typer

from pinlite import api
from pinlite.cli.consoles import data, progress
from pinlite.cli.reports import printed
from pinlite.errors import DifferentError
from pinlite.options.declared import DiffOptions
from pinlite.ui import differences
from pinlite.ui.console import escaped_json


def diff(*, one: str, other: str, verbose: bool, json: bool, **given: Unpack[DiffOptions]) -> None:
    with progress(verbose=verbose) as view:
        report = api.diff(one, other, observe=view, **given)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        differences.show(report, data)
    if report.found:
        hint = (
            "--json lists every difference" if "samples" in given else "--samples FILE.npz compares what they compute"
        )
        raise printed(DifferentError(f"{one} and {other} differ: {report.summary}", hint=hint))
