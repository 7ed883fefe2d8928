"""What a run ends with whose results are not right."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from pinlite.auditing import runtime_faults
from pinlite.conversion.plan import is_calibrated
from pinlite.debugging import debug
from pinlite.errors import ArenaError, ParityError, PinliteError, ScoreError
from pinlite.events import Observer
from pinlite.parity import lost_channels
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import EvaluationReport, Hop, Report
from pinlite.units import short

# What makes numbers of a variant smaller.
_SMALLER: Mapping[VariantName, str] = MappingProxyType(
    dict.fromkeys(("float32", "int16x8"), ", or take --variant int8-only")
)
# How many layers a hint names, and what share of the worst one's part in the error each must have.
_NAMED, _MUCH = 3, 0.1


def error(report: Report, recipe: Recipe, observe: Observer) -> PinliteError:
    """What a run ends with whose report is not ok, though all of its files are there: the first of what is wrong."""
    if worst := next((hop for hop in report.hops if not hop.passed), None):
        return _differing(worst, report, recipe)
    if lost := next((each for each in report.lost if each.failed), None):
        of = f"signature {lost.signature}: " if lost.signature else ""
        return ParityError(
            of + lost_channels.words(lost),
            hint=f"{lost_channels.hint(lost)}; the results are kept in {recipe.out}",
            report=report,
        )
    if report.evaluation and report.evaluation.fallen:
        return _fallen(report.evaluation, report, recipe, observe)
    return _large(report, recipe)


def _large(report: Report, recipe: Recipe) -> ArenaError:
    """The file whose arena is the largest, with what is alive where most is needed."""
    needed = [(each.arena, each) for each in report.variants if each.arena]
    arena, variant = max(needed, key=lambda found: found[0].least)
    peak = arena.peak
    alive = [f"{short(each.name)} of {each.size:,} bytes" for each in peak.tensors]
    more = f" and {len(alive) - _NAMED} more" if len(alive) > _NAMED else ""
    return ArenaError(
        f"{variant.name} needs an arena of {arena.least:,} bytes in {arena.runtime} here, about "
        f"{arena.estimate_32_bit:,} with pointers of 32 bits, where --arena has {recipe.arena or 0:,}: most of it at "
        f"operator {peak.number}, {peak.operator}, beside which {', '.join(alive[:_NAMED])}{more} are alive",
        hint=f"make the input or these layers smaller{_SMALLER.get(variant.name, '')}; the results are kept in "
        f"{recipe.out}",
        report=report,
    )


def _fallen(evaluation: EvaluationReport, report: Report, recipe: Recipe, observe: Observer) -> ScoreError:
    worst = max(evaluation.fallen, key=lambda each: each.lost)
    layers = [*_layers(worst.variant, recipe, observe)]
    ways_out = [*_ways_out(worst.variant, layers, report, recipe)]
    tried = f"try {' or '.join(ways_out)}; " if ways_out else ""
    come = f"most of its error comes from {', '.join(layers)}, see `pinlite debug {recipe.out}`; " if layers else ""
    return ScoreError(
        f"{worst.runtime} ({worst.variant}) scores {worst.score:.4g} in {worst.metric}, {evaluation.scores[0].runtime} "
        f"{worst.reference:.4g}: a loss of {worst.lost:.2%}, where --loss is {evaluation.loss:.2%}",
        hint=f"{come}{tried}the results are kept in {recipe.out}",
        report=report,
    )


def _ways_out(variant: VariantName, layers: Sequence[str], report: Report, recipe: Recipe) -> Iterator[str]:
    """What may help a variant and was not asked for, each in words."""
    if is_calibrated(recipe, variant):
        yield "more calibration samples like those that are scored"
        if report.tuning is None:
            yield "`pinlite tune` in place of `pinlite convert`"
        if not recipe.quantization.equalize:
            yield "--equalize"
        if layers and variant != "int8-only":
            yield f"--keep-float {layers[0]}"
    # More bits don't help where they have fallen too.
    if "int16x8" not in {each.variant for each in cast("EvaluationReport", report.evaluation).fallen}:
        yield "--variant int16x8"
    if recipe.source.kind in ("python", "checkpoint") and not (recipe.training and recipe.training.qat):
        yield "--qat"


def _layers(variant: VariantName, recipe: Recipe, observe: Observer) -> Iterator[str]:
    """The layers that add most to the error of a variant; none where they can't be told."""
    try:
        layers = debug.debug(recipe.out, variant, engine=recipe.engine, observe=observe).layers
    except PinliteError:
        return
    for each in layers[:_NAMED]:
        if not each.is_input and each.added > max(0, _MUCH * layers[0].added):
            yield each.name


def _differing(worst: Hop, report: Report, recipe: Recipe) -> ParityError:
    measured = worst.tolerance is not None and worst.max_rel_error is not None
    limit = f"; the tolerance is {worst.tolerance:g}" if measured else ""
    on = f" on the profile `{worst.profile}`" if worst.profile else ""
    variant = f" ({worst.variant})" if worst.variant not in (None, "float32") else ""
    of = f" of the signature {worst.signature}" if worst.signature else ""
    option = f"--variant-tolerance {worst.variant}=NUMBER" if variant else "--tolerance"
    hints = [f"everything was kept in {recipe.out}; report.json has all hops, {option} allows more"]
    if worst.profile:
        hints.append("the profile is in profiles.npz; --samples compares on samples of yours instead")
    if worst.profile and (worst.origin, worst.to) == ("torch", "onnxruntime"):
        hints.append(
            "what the model's code decides by its input is frozen as the samples had it: write it with operators"
        )
    return ParityError(
        f"{worst.to}{variant} differs from {worst.origin} {_distance(worst)}{of}{on}{limit}{_explained(worst, report)}",
        hint="; ".join(hints),
        report=report,
    )


def _distance(hop: Hop) -> str:
    """How far apart two runtimes are on an output, in words."""
    if hop.max_abs_error is None:
        return f"in the shape of output {hop.output!r}, or in where it is NaN or infinite"
    if hop.max_rel_error is None:
        return f"by {hop.max_abs_error:.2g} in output {hop.output!r}, which is all zeros there"
    return f"by {hop.max_rel_error:.2g} of the largest magnitude of output {hop.output!r}"


def _explained(hop: Hop, report: Report) -> str:
    """What its runtimes are known to compute wrongly of the file, in words."""
    known = [
        (runtime, fault)
        for variant in report.variants
        if (variant.signature, variant.name) == (hop.signature, hop.variant)
        for runtime in (hop.origin, hop.to)
        for fault in runtime_faults.known(runtime, runtime_faults.of_file(variant.audit, variant.quantization))
    ]
    return "".join(f". {fault.words(runtime)}" for runtime, fault in known)
