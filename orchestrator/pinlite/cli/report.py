import tempfile
import webbrowser
from pathlib import Path

import typer

from pinlite.auditing import result_differences
from pinlite.cli import ci
from pinlite.cli.consoles import data
from pinlite.cli.reports import printed, show, show_batch, write_batch_page, write_page, written
from pinlite.errors import RegressionError, UsageError
from pinlite.options import conditions
from pinlite.store import batches, results
from pinlite.ui import comparisons, tables
from pinlite.ui import markdown as in_markdown
from pinlite.ui.console import escaped_json


def report(
    *,
    folder: str,
    other: str | None = None,
    json: bool,
    html: str | None = None,
    open: bool,  # noqa: A002  # as the option is called
    markdown: str | None = None,
    fail_if: str | None = None,
) -> None:
    if batches.has_one(Path(folder)):
        _batch(Path(folder), json=json, html=html, browser=open, markdown=markdown, compared=bool(other or fail_if))
        return
    if other is not None:
        if html or open:
            raise UsageError("the page shows one result", hint="leave OTHER away, or take --markdown")
        _compare(Path(folder), Path(other), json=json, markdown=markdown, fail_if=fail_if)
        return
    if fail_if:
        raise UsageError("--fail-if compares two results", hint="give a later one behind FOLDER")
    where = Path(folder)
    found, out = results.report(where), where if where.is_dir() else where.parent
    if markdown:
        written("--markdown", Path(markdown), in_markdown.of(found, str(out)))
    if html or open:
        # A page that nobody named has to be there for as long as the browser shows it.
        page = Path(html or Path(tempfile.mkdtemp(prefix="pinlite-page-"), "report.html"))
        write_page("--html", page, found, out)
        if open:
            webbrowser.open(page.absolute().as_uri())
    if json or not (markdown or html or open):
        show(found, out, json=json)


def _batch(folder: Path, *, json: bool, html: str | None, browser: bool, markdown: str | None, compared: bool) -> None:
    if compared:
        raise UsageError(f"{folder} has a batch of models", hint="give the folders of one model, FOLDER/NAME, twice")
    found = batches.report(folder)
    if markdown:
        written("--markdown", Path(markdown), in_markdown.of_batch(found, str(folder)))
    if html or browser:
        page = Path(html or Path(tempfile.mkdtemp(prefix="pinlite-page-"), "report.html"))
        write_batch_page("--html", page, found, folder)
        if browser:
            webbrowser.open(page.absolute().as_uri())
    if json or not (markdown or html or browser):
        show_batch(found, json=json)


def _compare(before: Path, after: Path, *, json: bool, markdown: str | None, fail_if: str | None) -> None:
    condition = conditions.parse(fail_if) if fail_if else None
    found = result_differences.compare(before, after)
    parts = comparisons.sections(found)
    if condition:
        condition.check(figure for variant in found.variants for figure in variant.figures)
    text = in_markdown.of_sections(f"{before} and {after}", parts)
    if markdown:
        written("--markdown", Path(markdown), text)
    if ci.is_here():
        ci.summarize(text)
    if json:
        typer.echo(escaped_json(found.to_json()), nl=False)
    elif not markdown:
        for part in parts:
            tables.print_part(part, data)
    if condition is None:
        return
    for variant in found.variants:
        if why := condition.why(variant.figures):
            told = "; ".join(f"{comparisons.words(figure)} ({each})" for each, figure in why)
            raise printed(RegressionError(f"{variant.name}: {told}", hint="the tables say what has changed"))
