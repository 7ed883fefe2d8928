"""What the page draws, as bars: where each begins and ends on a scale from 0 to 1."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinlite.ui import comparisons, view
from pinlite.units import bytes_, short

if TYPE_CHECKING:
    from pinlite.schema.comparison import ComparisonReport, Figure
    from pinlite.schema.debug import DebugReport
    from pinlite.schema.operators import ConversionOperators
    from pinlite.schema.report import Report, VariantReport

# Errors below this are rounding, and have no bar.
_LEAST_ERROR = 1e-8
# How many layers are drawn, of which a table has all, and how many tensors.
_LAYERS, _RANGES = 20, 12
_INTEGERS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


@dataclass(frozen=True)
class Bar:
    """``figure`` says in words how long it is; ``whisker`` is where the least is that was measured."""

    label: str
    figure: str
    begin: float
    end: float
    tone: str = ""
    whisker: float | None = None


@dataclass(frozen=True)
class Plot:
    title: str
    note: str
    bars: tuple[Bar, ...]


def variants(report: "Report") -> Iterable[Plot]:
    """The variants side by side: size, latency, error and scores."""
    yield _of("size", "of the file", {view.label(each): (each.size, bytes_(each.size)) for each in report.variants})
    timed = {
        f"{view.label(each)}, {runtime}": latency
        for each in report.variants
        for runtime, latency in each.latency_ms.items()
    }
    longest = max((latency.median for latency in timed.values()), default=0.0)
    if longest:
        bars = (
            Bar(
                label,
                f"{latency.median:.2f} ms, fastest {latency.min:.2f}",
                0.0,
                latency.median / longest,
                whisker=latency.min / longest,
            )
            for label, latency in timed.items()
        )
        yield Plot("latency", "the median of one invocation; the line across is the fastest", tuple(bars))
    yield Plot(
        "error",
        "the largest difference from the reference over its largest magnitude, in any runtime; a logarithmic scale",
        tuple(_error(each) for each in report.variants if each.parity),
    )
    if report.evaluation:
        for metric in report.evaluation.scores[0].scores:
            scores = {
                f"{entry.variant or 'the model'}, {entry.runtime}": entry.scores[metric]
                for entry in report.evaluation.scores
            }
            shown = {label: (abs(score), f"{score:.4f}") for label, score in scores.items()}
            yield _of(metric, f"on {report.evaluation.samples} labelled samples", shown)


def stages(report: "Report") -> Plot:
    """Where each second went."""
    ran = [stage for stage in report.stages if stage.source == "ran"]
    longest = max((stage.seconds for stage in ran), default=0.0) or 1.0
    bars = (Bar(stage.name, f"{stage.seconds:.2f} s", 0.0, stage.seconds / longest) for stage in ran)
    return Plot("where each second went", "from request to answer; some stages ran beside one another", tuple(bars))


def layers(report: "DebugReport") -> Plot:
    """The layers that add most to a variant's error."""
    shown = [layer for layer in report.layers[:_LAYERS] if layer.added > 0]
    most = max((layer.added for layer in shown if math.isfinite(layer.added)), default=0.0) or 1.0
    bars = (
        Bar(layer.module or layer.name, f"{layer.operator}, +{layer.added:.2%}", 0.0, min(layer.added / most, 1.0))
        for layer in shown
    )
    return Plot("what layers add to the error", f"of {report.variant}, the most first", tuple(bars))


def ranges(found: "ConversionOperators", signature: str = "") -> Iterable[Plot]:
    """For each file of integers the values that tensors had in the calibration, on the range that their integers have:
    those first that leave most of it to nothing.
    """
    for variant, file in found.variants.items():
        bars = []
        for tensor in {each.name: each for operator in file.operators for each in operator.outputs}.values():
            if tensor.type in _INTEGERS and tensor.seen and tensor.scale and tensor.zero_point is not None:
                lowest, highest = ((each - tensor.zero_point) * tensor.scale for each in _INTEGERS[tensor.type])
                if not 0 < highest - lowest < math.inf:
                    continue
                begin, end = (min(max((each - lowest) / (highest - lowest), 0.0), 1.0) for each in tensor.seen)
                told = f"{tensor.seen[0]:.3g} to {tensor.seen[1]:.3g} of {lowest:.3g} to {highest:.3g}"
                bars.append(Bar(short(tensor.name), told, begin, end))
        if bars:
            shown = sorted(bars, key=lambda bar: bar.end - bar.begin)[:_RANGES]
            note = "the values of tensors in the calibration on the range of their integers, the least filled first"
            yield Plot(f"{signature} {variant}".lstrip(), note, tuple(shown))


def comparison(found: "ComparisonReport") -> Iterable[Plot]:
    """Each figure of two results, before and after."""
    figures: dict[str, list[tuple[str, Figure]]] = {}
    for variant in found.variants:
        for figure in variant.figures:
            label = f"{view.label(variant)}, {figure.of}" if figure.of else view.label(variant)
            figures.setdefault(figure.name, []).append((label, figure))
    for name, those in figures.items():
        values = [value for _, figure in those for value in (figure.before, figure.after) if math.isfinite(value)]
        largest = max(map(abs, values), default=0.0) or 1.0
        bars = []
        for label, figure in those:
            for when, value in (("before", figure.before), ("after", figure.after)):
                share = _logarithmic(value) if name == "error" else abs(value) / largest
                tone = comparisons.tone(figure) if when == "after" else ""
                told = f"{comparisons.amount(figure, value)} {when}"
                share = share if math.isfinite(value) else 1.0
                bars.append(Bar(short(label), told, 0.0, share, "bad" if tone == "bad" else ""))
        yield Plot(name, "on a logarithmic scale" if name == "error" else "", tuple(bars))


def _logarithmic(error: float) -> float:
    """Where an error is between what is rounding and 1."""
    return 1.0 - math.log10(min(max(error, _LEAST_ERROR), 1.0)) / math.log10(_LEAST_ERROR)


def _of(title: str, note: str, figures: Mapping[str, tuple[float, str]]) -> Plot:
    largest = max((figure for figure, _ in figures.values()), default=0.0) or 1.0
    bars = (Bar(short(label), told, 0.0, figure / largest) for label, (figure, told) in figures.items())
    return Plot(title, note, tuple(bars))


def _error(variant: "VariantReport") -> Bar:
    errors, cosines = (
        [each for each in figures.values() if each is not None] for figures in (variant.parity, variant.cosine)
    )
    if len(errors) < len(variant.parity):
        return Bar(view.label(variant), "can't be compared", 0.0, 1.0, "bad")
    error = max(errors)
    cosine = f", cosine {min(cosines):.6f}" if cosines else ""
    return Bar(view.label(variant), f"{error:.2e}{cosine}", 0.0, _logarithmic(error))
