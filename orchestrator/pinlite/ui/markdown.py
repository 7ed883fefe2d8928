"""The report of a conversion in GitHub's Markdown, as its job summaries and comments render it."""

import html
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pinlite.ui import batches, view
from pinlite.ui.console import escaped

if TYPE_CHECKING:
    from pinlite.schema.batch import BatchReport
    from pinlite.schema.report import Report

# What makes a text more than a text: emphasis, code, links, images, cells, and names of users and issues.
_MARKS = re.compile(r"([\\`*_\[\]|~#@$:])")
_SIGNS: dict[view.Tone, str] = {"": "", "good": "✅ ", "bad": "❌ ", "doubtful": "⚠️ ", "aside": ""}


def of(report: "Report", out: str) -> str:
    """The verdict first; long tables are folded."""
    found = view.of(report)
    return (
        "\n\n".join(
            [
                f"## {_plain(report.source)}",
                f"{_line(found.verdict)} → {_plain(out)}",
                *map(_line, found.messages),
                *map(_part, (*found.variants, *found.evaluation, *found.hops)),
                *map(_folded, (*found.tuning, *found.training, *found.stages, *found.artifacts)),
                *([_line(found.ran)] if found.ran.text else []),
            ]
        )
        + "\n"
    )


def of_batch(report: "BatchReport", out: str) -> str:
    return of_sections(out, (batches.verdict(report), *batches.sections(report)))


def of_sections(title: str, parts: view.Section) -> str:
    return "\n\n".join([f"## {_plain(title)}", *map(_part, parts)]) + "\n"


def table(found: view.Table) -> str:
    rules = ("--:" if column in found.numbers else ":--" for column in found.columns)
    rows = (_row(map(_line, row)) for row in found.rows)
    return "\n".join([_row(map(_plain, found.columns)), _row(rules), *rows])


def _part(part: view.Table | view.Line) -> str:
    return f"**{_plain(part.title)}**\n\n{table(part)}" if isinstance(part, view.Table) else _line(part)


def _folded(part: view.Table | view.Line) -> str:
    if isinstance(part, view.Line):
        return _line(part)
    title = html.escape(" ".join(escaped(part.title).split()))
    return f"<details><summary>{title}</summary>\n\n{table(part)}\n\n</details>"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line(line: view.Line) -> str:
    return "".join(_SIGNS[span.tone] * bool(span.text) + _plain(span.text) for span in line.spans)


def _plain(text: str) -> str:
    """The text on one line, each sign of it as it is."""
    return _MARKS.sub(r"\\\1", html.escape(re.sub(r"\s*\n\s*", " ", escaped(text)), quote=False))
