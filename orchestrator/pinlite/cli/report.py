import tempfile
import webbrowser
from pathlib import Path

from pinlite.cli.reports import show, write_page, written
from pinlite.store import results
from pinlite.ui import markdown as in_markdown


def report(
    *,
    folder: str,
    json: bool,
    html: str | None = None,
    open: bool,  # noqa: A002  # as the option is called
    markdown: str | None = None,
) -> None:
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
