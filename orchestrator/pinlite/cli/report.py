from pathlib import Path

from pinlite.cli.reports import show, written
from pinlite.store import results
from pinlite.ui import markdown as in_markdown


def report(*, folder: str, json: bool, markdown: str | None = None) -> None:
    where = Path(folder)
    found, out = results.report(where), where if where.is_dir() else where.parent
    if markdown:
        written("--markdown", Path(markdown), in_markdown.of(found, str(out)))
    if json or not markdown:
        show(found, out, json=json)
