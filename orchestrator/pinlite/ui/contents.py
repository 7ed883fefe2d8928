"""What is in a TFLite file."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console

from pinlite.ui import tables, view
from pinlite.ui.view import Line, Section, Table, line
from pinlite.units import bytes_, count, short

if TYPE_CHECKING:
    from pinlite.schema.audit import Need
    from pinlite.schema.inspection import (
        Described,
        FileContents,
        FileGraph,
        FileOperator,
        FileTensor,
        InspectReport,
        Peak,
    )

# How many operators of a file are shown one by one, and how many of a longer one, which costs the most; how many rows
# any other table has. --json has all.
_OPERATORS, _COSTLIEST, _SHOWN = 120, 24, 40
_LABELS = 3


def show(report: "InspectReport", console: Console) -> None:
    for part in of(report):
        tables.print_part(part, console, soft_wrap=True)


def of(report: "InspectReport") -> Section:
    found = report.found
    described = f", {found.description}" if found.description else ""
    return (
        line(f"{report.file.path}: {bytes_(report.file.size)}, sha256 {report.file.sha256[:16]}"),
        line(f"TFLite schema version {found.version}{described}"),
        *_ends(found),
        *_described(report.described),
        *_operators(found),
        _kinds(report),
        line(f"{count(report.macs)} MACs, {count(found.parameters)} parameters, {bytes_(found.weights)} of weights"),
        *_memory(report),
        *least(report.least, report.needs, report.unknown, len(found.signatures)),
    )


def least(release: str, needs: "tuple[Need, ...]", unknown: tuple[str, ...] = (), signatures: int = 1) -> Section:
    """The oldest runtime that has all operators and runs all signatures, and which of them want it."""
    newest = [f"{each.operator} {each.version}" for each in needs if each.release == release]
    several = f"{signatures} signatures" if signatures > 1 else "none of its operators"
    wanting = ", ".join(newest) or several
    said = line(f"least runtime: that of TensorFlow {release or '?'}, for {wanting}")
    if not unknown:
        return (said,)
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    return said, line(f"not known of: {', '.join(unknown[:_SHOWN])}{more}")


def _ends(found: "FileContents") -> Iterator[Table]:
    """What goes in and out: of each signature, and of the first graph where no signature is about it."""
    columns = ("", "name", "tensor", "shape", "type", "scale", "zero point")
    for signature in found.signatures:
        graph = found.graphs[signature.graph]
        sides = (("input", signature.inputs), ("output", signature.outputs))
        rows = [_end(side, each.name, graph.tensors[each.tensor]) for side, named in sides for each in named]
        yield view.table(f"signature {signature.key}", columns, _cut(rows), ("zero point",))
    if all(signature.graph for signature in found.signatures):
        graph = found.graphs[0]
        places = (("input", graph.inputs), ("output", graph.outputs))
        rows = [_end(side, graph.tensors[at].name, graph.tensors[at]) for side, all_ in places for at in all_]
        yield view.table("inputs and outputs", columns, _cut(rows), ("zero point",))


def _end(side: str, name: str, tensor: "FileTensor") -> tuple[str, ...]:
    scale = "" if tensor.scale is None else f"{tensor.scale:.6g}"
    zero_point = "" if tensor.zero_point is None else str(tensor.zero_point)
    own = "" if tensor.name == name else short(tensor.name)
    return side, name, own, _shape(tensor), tensor.type, scale, zero_point


def _described(told: "Described | None") -> Iterator[Table | Line]:
    """What the file says of itself, to a device's libraries."""
    if told is None:
        return
    if told.unread:
        yield line(f"TFLite metadata: not read: {told.unread}")
        return
    rows: list[tuple[str, ...]] = []
    for side, tensors in (("input", told.inputs), ("output", told.outputs)):
        for each in tensors:
            more = "..." if len(each.labels) > _LABELS else ""
            labels = f"{len(each.labels)}: {', '.join(each.labels[:_LABELS])}{more}" if each.labels else ""
            rows.append((side, each.name, each.description, _numbers(each.mean), _numbers(each.std), labels))
    title = ": ".join(filter(None, ("TFLite metadata", told.name, told.description)))
    yield view.table(title, ("", "name", "description", "mean", "std", "labels"), _cut(rows))


def _numbers(figures: tuple[float, ...]) -> str:
    return " ".join(f"{each:.6g}" for each in figures)


def _operators(found: "FileContents") -> Iterator[Table]:
    """Those of each graph; of one that has many, the costliest in their order."""
    several = len(found.graphs) > 1
    for at, graph in enumerate(found.graphs):
        numbered = list(enumerate(graph.operators))
        title = f"operators of graph {at} {short(graph.name)}".rstrip() if several else "operators"
        if len(numbered) > _OPERATORS:
            title += f", {_COSTLIEST} of {len(numbered)}: most MACs, then memory"
            numbered.sort(key=lambda each: (-each[1].macs, -each[1].memory, each[0]))
            numbered = sorted(numbered[:_COSTLIEST])
        if at > _SHOWN:
            return
        figures = ("MACs", "params", "memory")
        rows = [_operator(place, graph, each) for place, each in numbered]
        yield view.table(title, ("", "operator", "gives", *figures), rows, ("", *figures))


def _operator(place: int, graph: "FileGraph", operator: "FileOperator") -> tuple[str, ...]:
    given = [graph.tensors[at] for at in operator.outputs if at >= 0]
    more = f" and {len(given) - 1} more" if len(given) > 1 else ""
    words = f"{_shape(given[0])} {given[0].type}{more}" if given else ""
    kind = f"{operator.kind} {operator.version}"
    return str(place), kind, words, _figure(operator.macs), _figure(operator.parameters), bytes_(operator.memory)


def _kinds(report: "InspectReport") -> Table:
    """Operators by kind, version and types."""
    figures = ("count", "MACs", "params")
    rows: list[tuple[str, ...]] = []
    for each in report.operators:
        counted = str(each.count), _figure(each.macs), _figure(each.parameters)
        rows.append((f"{each.kind} {each.version}", " ".join(each.types), each.release or "?", *counted))
    return view.table("in all", ("operator", "types", "since", *figures), _cut(rows), figures)


def _memory(report: "InspectReport") -> Iterator[Line]:
    """The least room for activations."""
    if report.pair is None or report.alive is None:
        return
    graphs = report.found.graphs

    def at(peak: "Peak") -> str:
        graph = f" of graph {peak.graph}" if len(graphs) > 1 else ""
        return f"{graphs[peak.graph].operators[peak.operator].kind} {peak.operator}{graph}"

    yield line(f"activations in use at once: up to {bytes_(report.alive.size)}, at {at(report.alive)}")
    yield line(f"activations of one operator: up to {bytes_(report.pair.size)}, of {at(report.pair)}")
    if any(tensor.open for graph in graphs for tensor in graph.tensors):
        yield line("sizes that are left open (?) are counted as the file has them")


def _shape(tensor: "FileTensor") -> str:
    sizes = ["?" if at in tensor.open else str(size) for at, size in enumerate(tensor.shape)]
    return "x".join(sizes) or "scalar"


def _figure(number: int) -> str:
    return count(number) if number else "-"


def _cut(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    if len(rows) <= _SHOWN:
        return rows
    return [*rows[:_SHOWN], (f"{len(rows) - _SHOWN} more", *[""] * (len(rows[0]) - 1))]
