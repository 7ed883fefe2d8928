"""From the report of a conversion to its page, and from a comparison of two to theirs."""

import base64
import functools
import hashlib
from importlib.resources import files
from itertools import chain
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

import pinlite
from pinlite.ui import audits, batches, comparisons, view
from pinlite.ui.console import escaped
from pinlite.ui.page import graph, plots

if TYPE_CHECKING:
    from pinlite.schema.batch import BatchReport
    from pinlite.schema.comparison import ComparisonReport
    from pinlite.schema.report import Report
    from pinlite.store.results import Kept


def of(report: "Report", out: str, kept: "Kept") -> str:
    """The page of a result whose folder is ``out``, with what is ``kept`` there beside the report."""
    return _filled(
        "page.html.jinja",
        _text("page.js"),
        report=report,
        out=out,
        view=view.of(report),
        graph=graph.of(report, kept.operators, kept.debugged),
        layers=[(plots.layers(each), view.layers(each, len(each.layers))) for each in kept.debugged.values()],
        ranges=tuple(chain.from_iterable(plots.ranges(found, name) for name, found in kept.operators.items())),
        audits={view.label(each): audits.content(each.audit) for each in report.variants if each.audit},
        variants=tuple(plots.variants(report)),
        stages=plots.stages(report),
    )


def of_comparison(found: "ComparisonReport", why: str = "") -> str:
    """The page of two results; ``why`` says why the later one is not to be taken, "" if it is. It has no script."""
    return _filled(
        "comparison.html.jinja",
        "",
        found=found,
        view=comparisons.of(found, why),
        plots=tuple(plots.comparison(found)),
        version=pinlite.__version__,
    )


def of_batch(report: "BatchReport", out: str) -> str:
    """The page of a batch whose folder is ``out``. It has no script."""
    return _filled(
        "batch.html.jinja",
        "",
        report=report,
        out=out,
        verdict=batches.verdict(report),
        parts=batches.sections(report),
    )


def _filled(template: str, script: str, **content: object) -> str:
    style = _text("page.css")
    digests = {"style": _digest(style), "script": _digest(script)}
    return _environment().get_template(template).render(style=style, script=script, digests=digests, **content)


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
