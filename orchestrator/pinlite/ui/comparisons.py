"""In what two results differ, as sections."""

from typing import TYPE_CHECKING

from pinlite.ui.view import Line, Section, Span, Table, line, table
from pinlite.units import bytes_, count

if TYPE_CHECKING:
    from pinlite.schema.comparison import ComparisonReport, Figure, VariantComparison

# Ratios that differ less from 1 are no change; more layers are in the JSON.
_SAME, _LAYERS = 0.005, 20


def sections(found: "ComparisonReport") -> Section:
    figures = [(variant, figure) for variant in found.variants for figure in variant.figures]
    rows = []
    for variant, figure in figures:
        amounts = _amount(figure, figure.before), _amount(figure, figure.after), _ratio(figure)
        rows.append((variant.name, figure.name, figure.of, *amounts))
    columns = ("variant", "figure", "of", "before", "after", "ratio")
    parts: list[Table | Line] = [
        table(f"{found.before} and {found.after}", columns, rows, numbers=("before", "after", "ratio"))
    ]
    parts += [line(Span(f"{name} is gone", "doubtful")) for name in found.gone]
    parts += [line(f"{name} is new") for name in found.new]
    parts += [line(Span(f"{each.name} has the same bytes", "good")) for each in found.variants if each.same]
    for variant in found.variants:
        parts += _details(variant)
    if found.recipe:
        changed = ((key, *values) for key, values in found.recipe.items())
        parts.append(table("options that have changed", ("option", "before", "after"), changed))
    if found.images:
        parts.append(line(Span("other images: ", "aside"), ", ".join(found.images)))
    return tuple(parts)


def words(figure: "Figure") -> str:
    named = f"{figure.name} ({figure.of})" if figure.of else figure.name
    ratio = f", {figure.ratio:.4g} times as much" if figure.ratio is not None else ""
    return f"{named} is {_amount(figure, figure.after)} after {_amount(figure, figure.before)}{ratio}"


def _details(variant: "VariantComparison") -> Section:
    parts: list[Table | Line] = []
    if variant.operators:
        rows = ((kind, str(before), str(after)) for kind, (before, after) in variant.operators.items())
        title = f"operators of {variant.name} that there are more or fewer of"
        parts.append(table(title, ("operator", "before", "after"), rows, numbers=("before", "after")))
    if variant.layers:
        changed = sorted(variant.layers, key=lambda layer: -abs(layer.after - layer.before))[:_LAYERS]
        layers = ((layer.name, f"{layer.before:+.2%}", f"{layer.after:+.2%}") for layer in changed)
        title = f"layers of {variant.name} that add more or less to its error"
        parts.append(table(title, ("layer", "before", "after"), layers, numbers=("before", "after")))
    return tuple(parts)


def _amount(figure: "Figure", value: float) -> str:
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
    if figure.ratio is None or abs(figure.ratio - 1) < _SAME:
        return Span("-" if figure.ratio is None else f"{figure.ratio:.3f}")
    better = (figure.ratio > 1) == (figure.name == "accuracy")
    return Span(f"{figure.ratio:.3f}", "good" if better else "bad")
