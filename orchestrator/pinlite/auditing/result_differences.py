"""In what the results of two conversions differ, by what their folders hold."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from pinlite.schema.comparison import ComparisonReport, Figure, FigureName, LayerChange, VariantComparison
from pinlite.schema.report import Report, VariantReport
from pinlite.store import results

if TYPE_CHECKING:
    from pathlib import Path

    from pinlite.schema.debug import DebugReport

# Layers that change by less, as a share of 1, add the same.
_LEAST_CHANGE = 1e-4


def compare(before: "Path", after: "Path") -> ComparisonReport:
    """Two results by their folders, or by their report.json.

    Raises:
        UsageError: One of them is no result.
    """
    one, other = results.report(before), results.report(after)
    debugged = [results.kept(place if place.is_dir() else place.parent).debugged for place in (before, after)]
    earlier, later = ({(each.signature, each.name): each for each in report.variants} for report in (one, other))
    both = [key for key in later if key in earlier]
    options = one.lock.options, other.lock.options
    return ComparisonReport(
        before=str(before),
        after=str(after),
        variants=tuple(
            VariantComparison(
                name=name,
                signature=signature,
                same=earlier[signature, name].sha256 == later[signature, name].sha256,
                figures=tuple(_figures(one, other, earlier[signature, name], later[signature, name])),
                operators=dict(_operators(earlier[signature, name].ops, later[signature, name].ops)),
                layers=tuple(_layers(*(each.get(name) for each in debugged))),
            )
            for signature, name in both
        ),
        gone=tuple(dict.fromkeys(name for signature, name in earlier if (signature, name) not in later)),
        new=tuple(dict.fromkeys(name for signature, name in later if (signature, name) not in earlier)),
        recipe={
            key: (_told(options[0], key), _told(options[1], key))
            for key in sorted({*options[0], *options[1]})
            if options[0].get(key) != options[1].get(key)
        },
        images=tuple(
            sorted(
                name
                for name in {*one.toolchain, *other.toolchain}
                if one.toolchain.get(name) != other.toolchain.get(name)
            )
        ),
    )


def _told(options: Mapping[str, JsonValue], key: str) -> str:
    return json.dumps(options[key]) if key in options else "not given"


def _figures(one: Report, other: Report, before: VariantReport, after: VariantReport) -> Iterator[Figure]:
    yield _figure("size", "", before.size, after.size)
    yield _figure("operators", "", sum(before.ops.values()), sum(after.ops.values()))
    if before.macs is not None and after.macs is not None:
        yield _figure("macs", "", before.macs, after.macs)
    if before.parameters is not None and after.parameters is not None:
        yield _figure("parameters", "", before.parameters, after.parameters)
    for runtime, latency in after.latency_ms.items():
        if runtime in before.latency_ms:
            yield _figure("latency", runtime, before.latency_ms[runtime].median, latency.median)
    for runtime, error in after.parity.items():
        earlier = before.parity.get(runtime)
        if error is not None and earlier is not None:
            yield _figure("error", runtime, earlier, error)
    earlier_scores = _scores(one, before)
    for of, score in _scores(other, after).items():
        if of in earlier_scores:
            yield _figure("accuracy", of, earlier_scores[of], score)


def _figure(name: FigureName, of: str, before: float, after: float) -> Figure:
    return Figure(name=name, of=of, before=before, after=after, ratio=after / before if before else None)


def _scores(report: Report, variant: VariantReport) -> dict[str, float]:
    entries = report.evaluation.scores if report.evaluation else ()
    return {
        f"{metric}, {entry.runtime}": score
        for entry in entries
        if entry.variant == variant.name
        for metric, score in entry.scores.items()
    }


def _operators(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[tuple[str, tuple[int, int]]]:
    for kind in sorted({*before, *after}):
        if before.get(kind, 0) != after.get(kind, 0):
            yield kind, (before.get(kind, 0), after.get(kind, 0))


def _layers(before: "DebugReport | None", after: "DebugReport | None") -> Iterator[LayerChange]:
    if before is None or after is None:
        return
    earlier = {layer.name: layer.added for layer in before.layers}
    for layer in after.layers:
        added = earlier.get(layer.name)
        if added is not None and abs(layer.added - added) > _LEAST_CHANGE:
            yield LayerChange(name=layer.name, before=added, after=layer.added)
