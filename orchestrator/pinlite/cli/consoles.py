"""The consoles of commands: results on standard output, progress on standard error."""

from typing import Any

import typer

from pinlite.ui.console import SafeConsole, as_json
from pinlite.ui.progress import ProgressView

data = SafeConsole()
log = SafeConsole(stderr=True)


def settle(*, quiet: bool, no_progress: bool) -> None:
    """How much the command that runs says beside its result."""
    log.quiet, log.calm = quiet, no_progress


def progress(*, verbose: bool = False) -> ProgressView:
    return ProgressView(log, verbose=verbose)


def print_json(value: Any) -> None:
    typer.echo(as_json(value), nl=False)
