from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from pinlite.cli import ci
from pinlite.cli.consoles import data
from pinlite.errors import UsageError
from pinlite.machine import writing
from pinlite.store import output
from pinlite.ui import tables
from pinlite.ui.console import escaped_json

if TYPE_CHECKING:
    from pinlite.errors import PinliteError
    from pinlite.schema.batch import BatchReport
    from pinlite.schema.comparison import ComparisonReport
    from pinlite.schema.report import Report

Error = TypeVar("Error", bound="PinliteError")


def show(report: "Report", out: Path, *, json: bool) -> None:
    """The report of a conversion, whose results are in ``out``."""
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show(report, str(out), data)


def finish(report: "Report", out: Path, *, json: bool, html: str | None) -> None:
    """The end of a conversion: its report, and its page where that is asked for or there is a CI to keep it."""
    show(report, out, json=json)
    if html or ci.is_here():
        written("--html", Path(html) if html else out / output.PAGE, page_of(report, out))
    if ci.is_here():
        from pinlite.ui import markdown

        ci.summarize(markdown.of(report, str(out)))
        for warned in report.warnings:
            ci.annotate("warning", warned.message)


def written(option: str, file: Path, text: str) -> None:
    """Write the file that an option names; a UsageError where that can't be."""
    try:
        writing.whole(file, text)
    except OSError as error:
        raise UsageError(f"{option} {file} can't be written: {error.strerror}", hint="give another file") from error


def page_of(report: "Report", out: Path) -> str:
    """The page of a result whose folder is ``out``."""
    from pinlite.store import results
    from pinlite.ui.page import html  # its templates take time to import

    return html.of(report, str(out), results.kept(out))


def page_of_comparison(found: "ComparisonReport", why: str) -> str:
    """The page of two results; ``why`` as `pinlite.ui.page.html.of_comparison` has it."""
    from pinlite.ui.page import html

    return html.of_comparison(found, why)


def show_batch(report: "BatchReport", *, json: bool) -> None:
    """What came of a batch."""
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
        return
    from pinlite.ui import batches

    for part in batches.sections(report, everything=False):
        tables.print_part(part, data, soft_wrap=True)
    tables.print_part(batches.verdict(report), data, soft_wrap=True)


def page_of_batch(report: "BatchReport", out: Path) -> str:
    """The page of a batch whose folder is ``out``."""
    from pinlite.ui.page import html

    return html.of_batch(report, str(out))


def printed(error: Error) -> Error:
    """An error that comes after the result of its command."""
    error.is_printed = True
    return error
