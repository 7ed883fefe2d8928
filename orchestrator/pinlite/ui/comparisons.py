"""In what two results differ, as sections."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from pinlite.ui.view import Line, Section, Span, Table, label, line, table
from pinlite.units import bytes_, count

if TYPE_CHECKING:
    from pinlite.schema.comparison import ComparisonReport, Figure, VariantComparison
    from pinlite.ui.view import Tone

# Ratios that differ less from 1 are no change; more layers are in the JSON.
_SAME, _LAYERS = 0.005, 20


@dataclass(frozen=True)
class View:
    """All that there is to say of two results. ``files`` says which are gone, new, or the same; ``recipe`` has options
    and images that have changed.
    """

    verdict: Line
    figures: Table
    files: Section
    operators: Section
    layers: Section
    recipe: Section


def of(found: "ComparisonReport", why: str = "") -> View:
    """``why`` says why the later result is not to be taken, where somebody has asked for that."""
    return View(
        verdict=line(Span(why, "bad")) if why else _verdict(found),
        figures=_figures(found),
        files=tuple(_files(found)),
        operators=tuple(chain.from_iterable(map(_operators, found.variants))),
        layers=tuple(chain.from_iterable(map(_layers, found.variants))),
        recipe=tuple(_recipe(found)),
    )


def sections(found: "ComparisonReport") -> Section:
    """The same without its verdict, one after the other."""
    shown = of(found)
    return (shown.figures, *shown.files, *shown.operators, *shown.layers, *shown.recipe)


def tone(figure: "Figure") -> "Tone":
    """Whether it is better now, or worse."""
    if figure.ratio is None or abs(figure.ratio - 1) < _SAME:
        return ""
    return "good" if (figure.ratio > 1) == (figure.name == "accuracy") else "bad"


def words(figure: "Figure") -> str:
    named = f"{figure.name} ({figure.of})" if figure.of else figure.name
    ratio = f", {figure.ratio:.4g} times as much" if figure.ratio is not None else ""
    return f"{named} is {amount(figure, figure.after)} after {amount(figure, figure.before)}{ratio}"


def _verdict(found: "ComparisonReport") -> Line:
    if found.variants and all(each.same for each in found.variants) and not (found.gone or found.new):
        return line(Span("the same bytes", "good"))
    tones = Counter(tone(figure) for variant in found.variants for figure in variant.figures)
    better, worse = Span(f"{tones['good']} better", "good"), Span(f"{tones['bad']} worse", "bad")
    counts = (part for part in (better, worse) if not part.text.startswith("0 "))
    told = chain.from_iterable((part, Span(", ")) for part in counts)
    return line(f"{tones.total()} figures: ", *told, f"{tones['']} the same")


def _figures(found: "ComparisonReport") -> Table:
    rows = []
    for variant in found.variants:
        for figure in variant.figures:
            amounts = amount(figure, figure.before), amount(figure, figure.after), _ratio(figure)
            rows.append((label(variant), figure.name, figure.of, *amounts))
    columns = ("variant", "figure", "of", "before", "after", "ratio")
    return table(f"{found.before} and {found.after}", columns, rows, numbers=("before", "after", "ratio"))


def _files(found: "ComparisonReport") -> Iterator[Line]:
    yield from (line(Span(f"{name} is gone", "doubtful")) for name in found.gone)
    yield from (line(f"{name} is new") for name in found.new)
    yield from (line(Span(f"{label(each)} has the same bytes", "good")) for each in found.variants if each.same)


def _operators(variant: "VariantComparison") -> Iterator[Table]:
    if variant.operators:
        rows = ((kind, str(before), str(after)) for kind, (before, after) in variant.operators.items())
        title = f"operators of {label(variant)} that there are more or fewer of"
        yield table(title, ("operator", "before", "after"), rows, numbers=("before", "after"))


def _layers(variant: "VariantComparison") -> Iterator[Table]:
    if variant.layers:
        changed = sorted(variant.layers, key=lambda layer: -abs(layer.after - layer.before))[:_LAYERS]
        layers = ((layer.name, f"{layer.before:+.2%}", f"{layer.after:+.2%}") for layer in changed)
        title = f"layers of {label(variant)} that add more or less to its error"
        yield table(title, ("layer", "before", "after"), layers, numbers=("before", "after"))


def _recipe(found: "ComparisonReport") -> Iterator[Table | Line]:
    if found.recipe:
        changed = ((key, *values) for key, values in found.recipe.items())
        yield table("options that have changed", ("option", "before", "after"), changed)
    if found.images:
        yield line(Span("other images: ", "aside"), ", ".join(found.images))


def amount(figure: "Figure", value: float) -> str:
    """One of its two values in words."""
    match figure.name:
        case "size":
            return bytes_(int(value))
        case "latency":
            return f"{value:.2f} ms"
        case "error":
            return f"{value:.2e}"
        case "accuracy":
            return f"{value:.4f}"
        case _:
            return count(int(value))


def _ratio(figure: "Figure") -> Span:
    return Span("-" if figure.ratio is None else f"{figure.ratio:.3f}", tone(figure))
