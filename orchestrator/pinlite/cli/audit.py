from typing import Unpack

import typer

from pinlite import api
from pinlite.cli.consoles import data, progress
from pinlite.cli.reports import printed
from pinlite.errors import WrongFileError
from pinlite.options.declared import AuditOptions
from pinlite.ui import audits
from pinlite.ui.console import escaped_json


def audit(*, file: str, verbose: bool, json: bool, **given: Unpack[AuditOptions]) -> None:
    with progress(verbose=verbose) as view:
        report = api.audit(file, observe=view, **given)
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        audits.show(report, data)
    if report.failures:
        raise printed(
            WrongFileError(f"{file} fails: {'; '.join(report.failures)}", hint="docs/audit.md says what this means")
        )
