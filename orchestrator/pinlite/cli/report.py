import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pinlite.auditing import result_differences
from pinlite.cli import ci
from pinlite.cli.consoles import data
from pinlite.cli.reports import page_of, page_of_batch, page_of_comparison, printed, show, show_batch, written
from pinlite.errors import RegressionError, UsageError
from pinlite.options import conditions
from pinlite.store import batches, results
from pinlite.ui import comparisons, tables, view
from pinlite.ui import markdown as in_markdown
from pinlite.ui.console import escaped_json

if TYPE_CHECKING:
    from pinlite.schema.comparison import ComparisonReport


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
        _batch(Path(folder), json=json, html=html, open=open, markdown=markdown, compared=bool(other or fail_if))
        return
    if other is not None:
        _compare(Path(folder), Path(other), json=json, html=html, open=open, markdown=markdown, fail_if=fail_if)
        return
    if fail_if:
        raise UsageError("--fail-if compares two results", hint="give a later one behind FOLDER")
    where = Path(folder)
    found, out = results.report(where), where if where.is_dir() else where.parent
    if markdown:
        written("--markdown", Path(markdown), in_markdown.of(found, str(out)))
    if html or open:
        _show_page(page_of(found, out), html, open=open)
    if json or not (markdown or html or open):
        show(found, out, json=json)


def _show_page(text: str, html: str | None, *, open: bool) -> None:  # noqa: A002  # as the option is called
    # A page that nobody named has to be there for as long as the browser shows it.
    page = Path(html or Path(tempfile.mkdtemp(prefix="pinlite-page-"), "report.html"))
    written("--html", page, text)
    if open:
        webbrowser.open(page.absolute().as_uri())


def _batch(
    folder: Path,
    *,
    json: bool,
    html: str | None,
    open: bool,  # noqa: A002  # as the option is called
    markdown: str | None,
    compared: bool,
) -> None:
    if compared:
        raise UsageError(f"{folder} has a batch of models", hint="give the folders of one model, FOLDER/NAME, twice")
    found = batches.report(folder)
    if markdown:
        written("--markdown", Path(markdown), in_markdown.of_batch(found, str(folder)))
    if html or open:
        _show_page(page_of_batch(found, folder), html, open=open)
    if json or not (markdown or html or open):
        show_batch(found, json=json)


def _compare(
    before: Path,
    after: Path,
    *,
    json: bool,
    html: str | None,
    open: bool,  # noqa: A002  # as the option is called
    markdown: str | None,
    fail_if: str | None,
) -> None:
    condition = conditions.parse(fail_if) if fail_if else None
    found = result_differences.compare(before, after)
    parts = comparisons.sections(found)
    why = _why(condition, found) if condition else ""
    if html or open:
        _show_page(page_of_comparison(found, why), html, open=open)
    text = in_markdown.of_sections(f"{before} and {after}", parts)
    if markdown:
        written("--markdown", Path(markdown), text)
    if ci.is_here():
        ci.summarize(text)
    if json:
        typer.echo(escaped_json(found.to_json()), nl=False)
    elif not (markdown or html or open):
        for part in parts:
            tables.print_part(part, data)
    if why:
        raise printed(RegressionError(why, hint="the tables say what has changed"))


def _why(condition: conditions.Condition, found: "ComparisonReport") -> str:
    """Where the first variant does what it may not, in words; "" where none does."""
    condition.check(figure for variant in found.variants for figure in variant.figures)
    for variant in found.variants:
        if why := condition.why(variant.figures):
            return f"{view.label(variant)}: " + "; ".join(
                f"{comparisons.words(figure)} ({each})" for each, figure in why
            )
    return ""
