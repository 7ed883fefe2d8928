"""What was found in a TFLite file, in tables."""

from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from pinlite.auditing.file_audit import short
from pinlite.ui.console import indented, name
from pinlite.ui.tables import table
from pinlite.units import bytes_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinlite.schema.audit import AuditReport, Computed, Content

# How many rows of a table are shown; --json has all.
_SHOWN = 12


def show(report: "AuditReport", console: Console) -> None:
    file = report.file
    console.print(name(f"{file.path}: {bytes_(file.size)}, sha256 {file.sha256[:16]}"), soft_wrap=True)
    if report.found.findings:
        console.print(_findings(report.found))
    else:
        console.print(Text("structure: nothing found"))
    computed = report.found.computed
    if computed is None:
        console.print(Text("not run: ", "yellow") + Text(indented(report.found.not_run)), soft_wrap=True)
    else:
        console.print(Text(_counts(computed, report.runtime)), soft_wrap=True)
        if computed.off:
            console.print(_off(computed))
    console.print(Text(_needs(report)), soft_wrap=True)
    if report.faults:
        console.print(_faults(report))
    if not report.failures:
        within = f" for {', '.join(report.asked)}" if report.asked else ""
        console.print(name(f"{file.path} passes{within}"), soft_wrap=True)


def _findings(found: "Content") -> RenderableType:
    made = table("structure", "", "kind", "where", "tensor", "what")
    for column in made.columns[2:]:
        column.overflow = "fold"
    for each in islice(found.findings, _SHOWN):
        made.add_row(
            "wrong" if each.wrong else "note", each.kind, name(each.where), name(short(each.tensor)), name(each.what)
        )
    if (left := sum(found.counts.values()) - _SHOWN) > 0:
        made.add_row("", "", f"{left} more", "", "")
    return made


def _counts(computed: "Computed", runtime: str) -> str:
    checked, unchecked = sum(computed.checked.values()), _counted(computed.unchecked)
    integers = f"integer operators in {runtime}, without XNNPACK: {checked} checked, {unchecked} unchecked"
    return f"{integers}; in floats: {_counted(computed.floats)}"


def _counted(kinds: "Mapping[str, int]") -> str:
    named = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    return f"{sum(kinds.values())} ({named})" if kinds else "0"


def _off(computed: "Computed") -> RenderableType:
    numbers = ("steps", "allowed", "of values")
    made = table("not the nearest integer", "operator", "type", *numbers, "tensor", numbers=numbers)
    made.columns[-1].overflow = "fold"
    for each in computed.off[:_SHOWN]:
        style = "red" if each.steps > each.allowed else ""
        figures = str(each.steps), str(each.allowed), f"{each.share:.2%}"
        made.add_row(name(each.where), each.type, *figures, name(short(each.tensor)), style=style)
    if (left := len(computed.off) - _SHOWN) > 0:
        made.add_row(f"{left} more", "", "", "", "", "")
    return made


def _needs(report: "AuditReport") -> str:
    newest = [f"{each.operator} {each.version}" for each in report.needs if each.release == report.least]
    return (
        f"least runtime: that of TensorFlow {report.least or '?'}, for {', '.join(newest) or 'none of its operators'}"
    )


def _faults(report: "AuditReport") -> RenderableType:
    made = table("runtimes that compute it wrongly", "operator", "type", "runtimes", "since", "right from", "what")
    made.columns[-1].overflow = "fold"
    for each in report.faults:
        made.add_row(each.operator, each.type, ", ".join(each.packages), each.since, each.right or "none", each.what)
    return made
