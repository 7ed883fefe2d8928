"""The differences of two TFLite files, and of their outputs."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pinlite import digest, parity, toolchain
from pinlite.engine import choose
from pinlite.errors import ModelError, StageCrashError, UsageError
from pinlite.events import Observer, ignore
from pinlite.inputs import paths
from pinlite.runner import LocalRunner, Runner
from pinlite.schema.choices import DifferenceKind, EngineChoice, Relation
from pinlite.schema.diff import ComparedFile, Differences, DiffReport, OutputDifference, Total
from pinlite.schema.recipe import Limits
from pinlite.stages import diff as stage
from pinlite.toolchain import Runtime

_SAME = "the same bytes"
# The words for weights that all differ in the same way.
_RELATED: dict[Relation, str] = {
    "permuted": "by the order of their axes",
    "reordered": "by their order",
    "within a step": "within one step",
    "different": "by more than a step",
}
_OTHERS: tuple[DifferenceKind, ...] = ("graphs", "order", "signatures", "metadata", "layout")


def diff(
    one: Path,
    other: Path,
    samples: Path | None = None,
    *,
    engine: EngineChoice = "auto",
    observe: Observer = ignore,
) -> DiffReport:
    """Compare two TFLite files and, with samples (.npz, by the first file's names), their outputs.

    Raises:
        PinliteError: One is not a TFLite file, or the first can't be run on the samples.
    """
    files = _file(paths.model_file(one)), _file(paths.model_file(other))
    if samples:
        paths.npz_file(samples)
    if same := _same(*files):
        return same
    runtime = toolchain.load().runtimes[0]
    recipe = toolchain.load().images[runtime.image]
    with LocalRunner(functools.partial(choose, engine, observe), {runtime.image: recipe}, Limits(), observe) as runner:
        return _compared(*files, runner, runtime, samples)


def compare(one: Path, other: Path, runner: Runner, runtime: Runtime) -> DiffReport:
    """The same with a runner that has an image of the runtime, to compare many files.

    Of two reports about the same file, the one with the smaller ``distance`` has the more similar other file.
    """
    files = _file(one), _file(other)
    return _same(*files) or _compared(*files, runner, runtime, None)


def summary(found: Differences) -> str:
    """The differences in a line: "12 of 66 operators differ; weights equal but for 3 tensors, within one step"."""
    return "; ".join(filter(None, _said(found)))


def _file(path: Path) -> ComparedFile:
    return ComparedFile(path=str(path), size=path.stat().st_size, sha256=digest.of_file(path))


def _same(one: ComparedFile, other: ComparedFile) -> DiffReport | None:
    return DiffReport(one=one, other=other, summary=_SAME, found=None) if one.sha256 == other.sha256 else None


def _compared(
    one: ComparedFile, other: ComparedFile, runner: Runner, runtime: Runtime, samples: Path | None
) -> DiffReport:
    action = stage.action(stage.stage(runtime), Path(one.path), Path(other.path))
    result = runner.run(action).result
    found = Differences(**{name: getattr(result, name) for name in Differences.model_fields})
    report = DiffReport(one=one, other=other, summary=summary(found), found=found)
    if samples is None:
        return report

    def run(whose: str, file: ComparedFile, feeds: stage.Feeds | None) -> parity.Arrays:
        action = stage.run(runtime, whose, Path(file.path), samples, feeds)
        return parity.read(runner.run(action).outputs["outputs"].path)

    outputs = run("first", one, None)
    if result.feeds is None:
        return report.model_copy(update={"outputs_left_out": "the files have other numbers of inputs or outputs"})
    try:
        outputs_of_other = run("other", other, result.feeds)
    except (UsageError, ModelError) as error:
        return report.model_copy(update={"outputs_left_out": error.message})
    return report.model_copy(update={"outputs": tuple(_outputs(outputs, outputs_of_other, result.feeds))})


def _outputs(first: parity.Arrays, other: parity.Arrays, feeds: stage.Feeds) -> Iterator[OutputDifference]:
    steps = {feed.name: feed for feed in feeds.outputs}
    for name, array in first.items():
        if name not in other or name not in steps:
            raise StageCrashError(
                f"the output {name!r} is missing", hint="check where the file comes from: it may be made to fail"
            )
        feed = steps[name]
        figures = parity.figures(_real(array, feed.ours), _real(other[name], feed.theirs))
        absolute, relative, cosine = figures or (None, None, None)
        yield OutputDifference(output=name, max_abs_error=absolute, max_rel_error=relative, cosine=cosine)


def _real(array: parity.Array, step: stage.Step | None) -> parity.Array:
    """The real numbers that quantized integers stand for; other arrays unchanged."""
    if step is None or array.dtype.kind == "f":
        return array
    return (array.astype(np.float64) - step.zero_point) * step.scale


def _said(found: Differences) -> Iterator[str]:
    yield _share(found.operators, "operators") or "the same operators"
    yield _share(found.tensors, "tensors")
    yield _weights(found)
    yield _share(found.names, "names")
    others = [kind for kind in _OTHERS if kind in found.counts]
    if others:
        yield f"other {', '.join(others)}"


def _share(total: Total, what: str) -> str:
    return f"{total.differing} of {total.total} {what} differ" if total.differing else ""


def _weights(found: Differences) -> str:
    others = {relation: count for relation, count in found.weights.items() if relation != "equal"}
    if not others:
        return "equal weights" if found.weights else ""
    count = sum(others.values())
    tensors = f"{count} tensor{'s' if count > 1 else ''}"
    said = f"weights equal but for {tensors}" if "equal" in found.weights else f"weights of {tensors} differ"
    return f"{said}, {_RELATED[next(iter(others))]}" if len(others) == 1 else said
