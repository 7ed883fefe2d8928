"""What came of a batch, as sections."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pinlite.ui.view import Line, Section, Span, Table, Tone, figure, line, table
from pinlite.units import bytes_

if TYPE_CHECKING:
    from pinlite.schema.batch import BatchReport, ModelResult

# So many models have a row each on a console; of more, those that are not right.
_MOST = 100
_TONES: dict[str, Tone] = {"right": "good", "wrong": "bad", "failed": "bad", "not run": "doubtful"}


def sections(report: "BatchReport", *, everything: bool = True) -> Section:
    """A row for each model and what it came to, and why some are not right; the verdict is `verdict`."""
    shown = [model for model in report.models if everything or len(report.models) <= _MOST or model.state != "right"]
    parts: list[Table | Line] = [_models(shown)] if shown else []
    return (*parts, *_reasons(report.models))


def verdict(report: "BatchReport") -> Line:
    models = report.models
    right = sum(model.state == "right" for model in models)
    kept = sum(model.kept for model in models)
    told = f"{right} of {len(models)} models are right"
    shard = f" in the share {report.shard}" if report.shard else ""
    since = f", {kept} of them made before" if kept else ""
    pace = f" ({len(models) / report.seconds:.1f} a second)" if models and report.seconds else ""
    return line(Span(told, "good" if report.ok else "bad"), f"{shard}{since}; {report.seconds:.1f} s{pace}")


def words_of(model: "ModelResult") -> str:
    """Why a model is not right."""
    where = f"{model.stage}: " if model.stage else ""
    return f"{where}{model.message}" if model.message else ""


def _models(models: Sequence["ModelResult"]) -> Table:
    """A row for each file; the first one of a model has what is the model's own."""
    rows: list[tuple[str | Line, ...]] = []
    for model in models:
        state = line(Span("made before" if model.kept else model.state, _TONES[model.state]))
        files: list[tuple[str, ...]] = [
            (each.variant, bytes_(each.size), figure(each.error, ".1e"), figure(each.latency_ms, ".2f"))
            for each in model.files
        ]
        first, *others = files or [("",) * 4]
        rows.append((model.name, state, *first, str(model.warnings or ""), f"{model.seconds:.1f}"))
        rows.extend(("", "", *file, "", "") for file in others)
    columns = ("model", "", "file", "size", "error", "ms", "warnings", "seconds")
    return table("models", columns, rows, numbers=("size", "error", "ms", "warnings", "seconds"))


def _reasons(models: Iterable["ModelResult"]) -> tuple[Line, ...]:
    found = []
    for model in models:
        if model.message:
            found.append(line(Span(f"{model.name}: ", "bad"), words_of(model)))
            found.extend([line(Span("hint: ", "aside"), model.hint)] if model.hint else [])
    return tuple(found)
