"""What was found in a TFLite file."""

from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Console

from pinlite.ui import contents, tables, view
from pinlite.ui.view import Line, Section, Span, Table, line
from pinlite.units import bytes_, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pinlite.schema.audit import AuditReport, Computed, Content

# How many rows of a table are shown; --json has all.
_SHOWN = 12


def show(report: "AuditReport", console: Console) -> None:
    file = report.file
    console.print(tables.words(line(f"{file.path}: {bytes_(file.size)}, sha256 {file.sha256[:16]}")), soft_wrap=True)
    found = content(report.found, f" in {report.runtime}")
    for part in (*found, *contents.least(report.least, report.needs), *_faults(report)):
        tables.print_part(part, console, soft_wrap=True)
    if not report.failures:
        within = f" for {', '.join(report.asked)}" if report.asked else ""
        console.print(tables.words(line(f"{file.path} passes{within}")), soft_wrap=True)


def content(found: "Content", where: str = "") -> Section:
    """What is in the file by itself; ``where`` says what ran it."""
    parts: list[Table | Line] = [_findings(found) if found.findings else line("structure: nothing found")]
    if found.computed is None:
        return (*parts, line(Span("not run: ", "doubtful"), found.not_run))
    parts.append(line(_counts(found.computed, where)))
    return (*parts, *([_off(found.computed)] if found.computed.off else []))


def _findings(found: "Content") -> Table:
    rows: list[tuple[str, ...]] = [
        ("wrong" if each.wrong else "note", each.kind, each.where, short(each.tensor), each.what)
        for each in islice(found.findings, _SHOWN)
    ]
    if (left := sum(found.counts.values()) - _SHOWN) > 0:
        rows.append(("", "", f"{left} more", "", ""))
    return view.table("structure", ("", "kind", "where", "tensor", "what"), rows)


def _counts(computed: "Computed", where: str) -> str:
    checked, unchecked = sum(computed.checked.values()), _counted(computed.unchecked)
    integers = f"integer operators{where}, without XNNPACK: {checked} checked, {unchecked} unchecked"
    return f"{integers}; in floats: {_counted(computed.floats)}"


def _counted(kinds: "Mapping[str, int]") -> str:
    named = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    return f"{sum(kinds.values())} ({named})" if kinds else "0"


def _off(computed: "Computed") -> Table:
    rows: list[tuple[Span | str, ...]] = []
    for each in computed.off[:_SHOWN]:
        steps = Span(str(each.steps), "bad" if each.steps > each.allowed else "")
        rows.append((each.where, each.type, steps, str(each.allowed), f"{each.share:.2%}", short(each.tensor)))
    if (left := len(computed.off) - _SHOWN) > 0:
        rows.append((f"{left} more", "", "", "", "", ""))
    numbers = ("steps", "allowed", "of values")
    return view.table("not the nearest integer", ("operator", "type", *numbers, "tensor"), rows, numbers)


def _faults(report: "AuditReport") -> Section:
    if not report.faults:
        return ()
    columns = ("operator", "type", "runtimes", "since", "right from", "what")
    rows = (
        (each.operator, each.type, ", ".join(each.packages), each.since, each.right or "none", each.what)
        for each in report.faults
    )
    return (view.table("runtimes that compute it wrongly", columns, rows),)
