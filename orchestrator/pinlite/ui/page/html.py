"""From the report of a conversion to its page."""

import base64
import functools
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from pinlite.ui import audits, batches, view
from pinlite.ui.console import escaped
from pinlite.ui.page import graph, plots

if TYPE_CHECKING:
    from pinlite.schema.batch import BatchReport
    from pinlite.schema.report import Report
    from pinlite.store.results import Kept


def of(report: "Report", out: str, kept: "Kept") -> str:
    """The page of a result whose folder is ``out``, with what is ``kept`` there beside the report."""
    style, script = _text("page.css"), _text("page.js")
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            report=report,
            out=out,
            view=view.of(report),
            graph=graph.of(report, kept.operators, kept.debugged) if kept.operators else {},
            layers=[(plots.layers(each), view.layers(each, len(each.layers))) for each in kept.debugged.values()],
            ranges=tuple(plots.ranges(kept.operators)) if kept.operators else (),
            audits={each.name: audits.content(each.audit) for each in report.variants if each.audit},
            variants=tuple(plots.variants(report)),
            stages=plots.stages(report),
            style=style,
            script=script,
            digests={"style": _digest(style), "script": _digest(script)},
        )
    )


def of_batch(report: "BatchReport", out: str) -> str:
    """The page of a batch whose folder is ``out``."""
    style = _text("page.css")
    return (
        _environment()
        .get_template("batch.html.jinja")
        .render(
            report=report,
            out=out,
            verdict=batches.verdict(report),
            parts=batches.sections(report),
            style=style,
            digests={"style": _digest(style)},
        )
    )


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("pinlite.ui.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.finalize = _shown
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return made


def _shown(value: object) -> object:
    """A plain text with the characters that can't be seen, or turn its direction, as escapes; Markup as it is."""
    return escaped(value) if type(value) is str else value


def _text(name: str) -> str:
    return files("pinlite.ui.page").joinpath(name).read_text()


def _digest(text: str) -> str:
    """As a content security policy has it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
