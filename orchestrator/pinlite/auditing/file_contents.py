"""What is in a TFLite file, summed up: operators by kind, what they cost, and the least runtime that has them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from pinlite import digest
from pinlite.auditing import operator_versions
from pinlite.schema.diff import ComparedFile
from pinlite.schema.inspection import (
    Described,
    FileContents,
    FileGraph,
    FileOperator,
    InspectReport,
    OperatorTotal,
    Peak,
)


def report(path: Path, found: FileContents, described: Described | None = None) -> InspectReport:
    """The report of a file that a stage has read, and another one its metadata."""
    everywhere = [(graph, each) for graph in found.graphs for each in graph.operators]
    asked = {(each.kind, each.version) for _, each in everywhere}
    needs = operator_versions.needs(asked)
    known = {(need.operator, need.version) for need in needs}
    wanted = [need.release for need in needs]
    if len(found.signatures) > 1:
        wanted.append(operator_versions.SEVERAL_SIGNATURES)
    return InspectReport(
        file=ComparedFile(path=str(path), size=path.stat().st_size, sha256=digest.of_file(path)),
        found=found,
        described=described,
        operators=tuple(_totals(everywhere)),
        macs=sum(each.macs for _, each in everywhere),
        pair=_peak(found.graphs, lambda operator: operator.memory),
        alive=_peak(found.graphs, lambda operator: operator.alive),
        least=operator_versions.least(wanted),
        needs=needs,
        unknown=tuple(f"{kind} {version}" for kind, version in sorted(asked - known)),
    )


def types(graph: FileGraph, operator: FileOperator) -> tuple[str, ...]:
    """The types of what an operator reads and gives, each once, in their order."""
    places = (*operator.inputs, *operator.outputs)
    return tuple(dict.fromkeys(graph.tensors[place].type for place in places if place >= 0))


def _totals(everywhere: list[tuple[FileGraph, FileOperator]]) -> Iterator[OperatorTotal]:
    """Those with the most multiplications first, then the most frequent."""
    alike: dict[tuple[str, int, tuple[str, ...]], list[FileOperator]] = {}
    for graph, each in everywhere:
        alike.setdefault((each.kind, each.version, types(graph, each)), []).append(each)
    found = [
        OperatorTotal(
            kind=kind,
            version=version,
            types=dtypes,
            release=operator_versions.first(kind, version),
            count=len(operators),
            macs=sum(each.macs for each in operators),
            parameters=sum(each.parameters for each in operators),
        )
        for (kind, version, dtypes), operators in alike.items()
    ]
    yield from sorted(found, key=lambda each: (-each.macs, -each.count, each.kind, each.version, each.types))


def _peak(graphs: tuple[FileGraph, ...], size: Callable[[FileOperator], int]) -> Peak | None:
    """The operator with the largest size, the first of several; None in a file without operators."""
    peaks = [
        Peak(size=size(operator), graph=at, operator=place)
        for at, graph in enumerate(graphs)
        for place, operator in enumerate(graph.operators)
    ]
    return max(peaks, key=lambda peak: peak.size, default=None)
