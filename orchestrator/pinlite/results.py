"""What a run has come to so far, and the report that follows from it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pinlite import digest, parity
from pinlite.model import Artifact, Hop, Latency, Recipe, Report, StageRecord, Tensor, VariantReport
from pinlite.stages.stage import BATCHES


@dataclass(frozen=True)
class Variant:
    """One TFLite file and what its runtimes said of it."""

    name: str
    file: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    latency: dict[str, Latency]
    ops: dict[str, int]
    select_tf: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """``artifacts`` map a file name to its role and place; ``outputs`` map a runtime to its arrays, reference first.

    ``wider`` are outputs for the first of the other batch sizes, where the batch is open.
    """

    stages: list[StageRecord] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    artifacts: dict[str, tuple[str, Path]] = field(default_factory=dict)
    outputs: dict[str, Path] = field(default_factory=dict)
    wider: dict[str, Path] = field(default_factory=dict)
    variants: list[Variant] = field(default_factory=list)


def report(recipe: Recipe, results: Results, *, engine: str, toolchain: dict[str, str]) -> Report:
    hops = (
        *_hops(results.outputs, recipe.tolerance),
        *_hops(results.wider, recipe.tolerance, f" at batch {BATCHES[0]}"),
    )
    artifacts = {
        name: Artifact(role=role, path=name, sha256=digest.of_path(path), size=_size(path))
        for name, (role, path) in results.artifacts.items()
    }
    return Report(
        ok=all(hop.passed for hop in hops),
        engine=engine,
        source=recipe.source.text,
        lowering=recipe.lowering,
        tolerance=recipe.tolerance,
        seed=recipe.seed,
        opset=recipe.opset,
        toolchain=toolchain,
        stages=tuple(results.stages),
        artifacts=tuple(artifacts.values()),
        hops=hops,
        variants=tuple(_variant(variant, artifacts[variant.file], hops) for variant in results.variants),
        versions=results.versions,
    )


def _hops(outputs: Mapping[str, Path], tolerance: float, at: str = "") -> Iterator[Hop]:
    if not outputs:
        return
    (origin, first), *others = outputs.items()
    reference = parity.read(first)
    for runtime, path in others:
        yield from parity.compare(origin, reference, runtime + at, parity.read(path), tolerance)


def _variant(variant: Variant, artifact: Artifact, hops: tuple[Hop, ...]) -> VariantReport:
    return VariantReport(
        name=variant.name,
        path=artifact.path,
        sha256=artifact.sha256,
        size=artifact.size,
        inputs=variant.inputs,
        outputs=variant.outputs,
        parity={
            runtime: _largest(hop.max_rel_error for hop in hops if hop.to == runtime) for runtime in variant.latency
        },
        latency_ms=variant.latency,
        ops=variant.ops,
        select_tf=variant.select_tf,
    )


def _largest(errors: Iterator[float | None]) -> float | None:
    """The largest error, or None where one can't be told."""
    known = list(errors)
    return None if None in known else max(error for error in known if error is not None)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in digest.files_below(path)) if path.is_dir() else path.stat().st_size
