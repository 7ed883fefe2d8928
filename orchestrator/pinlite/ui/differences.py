"""The differences of two TFLite files, in tables."""

from itertools import groupby, islice
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.text import Text

from pinlite.ui.console import indented, name
from pinlite.ui.tables import table
from pinlite.ui.view import figure
from pinlite.units import bytes_

if TYPE_CHECKING:
    from pinlite.schema.diff import Difference, Differences, DiffReport, Related

# How many rows of a kind are shown; --json has all.
_SHOWN = 6
# Relations of values of which some may be equal.
_COUNTED = ("within a step", "different")


def show(report: "DiffReport", console: Console) -> None:
    files = table("files", "", "file", "size", "sha256", numbers=("size",))
    # Two paths may differ only in the part that would be cut.
    files.columns[1].overflow = "fold"
    for whose, file in (("first", report.one), ("other", report.other)):
        files.add_row(whose, name(file.path), bytes_(file.size), file.sha256[:16])
    console.print(files)
    if report.found:
        console.print(_differences(report.found))
    if report.outputs is not None:
        console.print(_outputs(report))
    if report.outputs_left_out:
        told = Text("the outputs can't be compared: ", "yellow") + Text(indented(report.outputs_left_out))
        console.print(told, soft_wrap=True)
    if not report.found:
        console.print(Text(f"{report.one.path} and {report.other.path} have the same bytes"), soft_wrap=True)


def _differences(found: "Differences") -> RenderableType:
    """A table with one row for all places that have the same difference."""
    made = table("differences, first -> other", "", "kind", "where", "what", numbers=("",))
    for column in made.columns[2:]:
        column.overflow = "fold"
    for kind, differences in groupby(found.differences, lambda difference: difference.kind):
        alike: dict[tuple[str, str], list[Difference]] = {}
        for difference in sorted(differences, key=_nearness):
            operator = difference.where.rpartition(" ")[0] if kind == "operators" else ""
            alike.setdefault((_said(difference), operator), []).append(difference)
        shown = list(islice(alike.items(), _SHOWN))
        for at, ((said, _), group) in enumerate(shown):
            more = f" and {len(group) - 1} more" if len(group) > 1 else ""
            head = (str(found.counts[kind]), kind) if at == 0 else ("", "")
            made.add_row(*head, name(group[0].where + more), name(said + _values(group)))
        if left := found.counts[kind] - sum(len(group) for _, group in shown):
            made.add_row("", "", f"{left} more", "")
    return made


def _nearness(difference: "Difference") -> float:
    """The key of the order: the largest differences of weights first; others keep their order."""
    weights = difference.weights
    if weights is None or weights.relation != "different":
        return 0.0
    return -weights.largest / weights.magnitude if weights.largest is not None and weights.magnitude else float("-inf")


def _said(difference: "Difference") -> str:
    if difference.ours or difference.theirs:
        sides = f"{difference.ours or '-'} -> {difference.theirs or '-'}"
        return f"{difference.what}: {sides}" if difference.what else sides
    return _related(difference.weights) if difference.weights else difference.what


def _related(weights: "Related") -> str:
    if weights.relation == "permuted":
        return f"the same values, axes in the order {', '.join(map(str, weights.axes))}"
    if weights.relation == "reordered":
        return "the same values in another order"
    if weights.relation == "within a step":
        return "within a step"
    if weights.largest is None:
        return "other values"
    return f"by up to {figure(weights.largest, '.2g')} of {figure(weights.magnitude, '.2g')}"


def _values(group: "list[Difference]") -> str:
    """How many values of constants differ, if the values themselves are not shown."""
    related = [each.weights for each in group if each.weights and each.weights.relation in _COUNTED and not each.ours]
    if not related:
        return ""
    return f", {sum(each.differing for each in related)} of {sum(each.values for each in related)} values"


def _outputs(report: "DiffReport") -> RenderableType:
    numbers = ("absolute", "relative", "cosine")
    made = table("outputs on the samples", "output", *numbers, numbers=numbers)
    for each in report.outputs or ():
        errors = figure(each.max_abs_error, ".2e"), figure(each.max_rel_error, ".2e")
        made.add_row(name(each.output), *errors, figure(each.cosine, ".7f"))
    return made
