"""What a run has come to so far, and the report that follows from it."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pinlite import digest, parity
from pinlite.choices import VariantName
from pinlite.errors import PinliteError
from pinlite.recipe import Recipe
from pinlite.report import (
    Artifact,
    CalibrationReport,
    EvaluationReport,
    Failure,
    Hop,
    Latency,
    Lock,
    OperatorSet,
    Quantization,
    Report,
    StageRecord,
    Tensor,
    TrainingStep,
    VariantReport,
    Warned,
)
from pinlite.stages.stage import BATCHES

# What gzip itself takes unless it is told otherwise.
_GZIP_LEVEL = 6


@dataclass(frozen=True)
class Variant:
    """One TFLite file and what its runtimes said of it.

    ``computed`` maps a runtime to its arrays; ``wider`` to those for another batch size, where the batch is open.
    """

    name: VariantName
    file: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    quantization: Quantization
    computed: dict[str, Path]
    wider: dict[str, Path]
    latency: dict[str, Latency]
    ops: dict[str, int]
    select_tf: tuple[str, ...]


@dataclass
class Results:
    """``artifacts`` map a file name to its role and place; ``outputs`` map a runtime to its arrays, reference first.

    ``wider`` are outputs for the first of the other batch sizes, where the batch is open; ``failures`` are of those
    variants that could not be made.
    """

    stages: list[StageRecord] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    artifacts: dict[str, tuple[str, Path]] = field(default_factory=dict)
    outputs: dict[str, Path] = field(default_factory=dict)
    wider: dict[str, Path] = field(default_factory=dict)
    variants: list[Variant] = field(default_factory=list)
    training: list[TrainingStep] = field(default_factory=list)
    evaluation: EvaluationReport | None = None
    failures: dict[VariantName, PinliteError] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    calibration: CalibrationReport | None = None
    comparisons: dict[VariantName, tuple[OperatorSet, ...]] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        """Of the artifacts, by name."""
        return {name: digest.of_path(path) for name, (_, path) in self.artifacts.items()}


def report(recipe: Recipe, results: Results, *, engine: str, toolchain: dict[str, str], lock: Lock) -> Report:
    (origin, _), *_ = results.outputs.items()
    hops = tuple(_hops(results, recipe))
    artifacts = {
        name: Artifact(role=role, path=name, sha256=lock.artifacts[name], size=digest.size(path))
        for name, (role, path) in results.artifacts.items()
    }
    return Report(
        ok=all(hop.passed for hop in hops) and not results.failures,
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
        variants=tuple(
            _variant(variant, artifacts[variant.file], [hop for hop in hops if hop.origin == origin], results)
            for variant in results.variants
        ),
        failures=tuple(_failure(variant, error) for variant, error in results.failures.items()),
        warnings=tuple(results.warnings),
        calibration=results.calibration,
        training=tuple(results.training),
        evaluation=results.evaluation,
        versions=results.versions,
        lock=lock,
    )


def _hops(results: Results, recipe: Recipe) -> Iterator[Hop]:
    yield from _compared(recipe, results.outputs, [(variant, variant.computed) for variant in results.variants])
    if results.wider:
        at = f" at batch {BATCHES[0]}"
        yield from _compared(recipe, results.wider, [(variant, variant.wider) for variant in results.variants], at)


def _compared(
    recipe: Recipe, outputs: Mapping[str, Path], variants: Sequence[tuple[Variant, Mapping[str, Path]]], at: str = ""
) -> Iterator[Hop]:
    (origin, first), *others = outputs.items()
    reference = parity.read(first)
    for runtime, path in others:
        yield from parity.compare(origin, reference, runtime + at, parity.read(path), recipe.tolerance)
    for variant, paths in variants:
        tolerance = parity.tolerance(recipe, variant.name)
        computed = {runtime + at: parity.real(parity.read(path), variant.outputs) for runtime, path in paths.items()}
        for runtime, arrays in computed.items():
            yield from parity.compare(origin, reference, runtime, arrays, tolerance, variant.name)
        if variant.name not in ("float32", "float16") and len(computed) > 1:
            (one, ones), (other, others_) = computed.items()
            yield from parity.agree(one, ones, other, others_, variant.name, variant.outputs)


def _variant(variant: Variant, artifact: Artifact, hops: list[Hop], results: Results) -> VariantReport:
    _, path = results.artifacts[variant.file]
    by_runtime = {
        runtime: [hop for hop in hops if (hop.to, hop.variant) == (runtime, variant.name)]
        for runtime in variant.computed
    }
    return VariantReport(
        name=variant.name,
        path=artifact.path,
        sha256=artifact.sha256,
        size=artifact.size,
        gzip_size=len(gzip.compress(path.read_bytes(), _GZIP_LEVEL)) if results.training else None,
        inputs=variant.inputs,
        outputs=variant.outputs,
        parity={runtime: _worst(max, (hop.max_rel_error for hop in found)) for runtime, found in by_runtime.items()},
        cosine={runtime: _worst(min, (hop.cosine for hop in found)) for runtime, found in by_runtime.items()},
        latency_ms=variant.latency,
        ops=variant.ops,
        select_tf=variant.select_tf,
        comparison=results.comparisons.get(variant.name, ()),
        quantization=variant.quantization,
    )


def _failure(variant: VariantName, error: PinliteError) -> Failure:
    return Failure(
        variant=variant,
        stage=error.stage,
        code=error.code,
        exit_status=error.exit_status,
        message=error.message,
        hint=error.hint,
    )


def _worst(choose: Callable[[list[float]], float], figures: Iterable[float | None]) -> float | None:
    """The worst of the figures, or None where one can't be told."""
    known = list(figures)
    return None if None in known else choose([figure for figure in known if figure is not None])
