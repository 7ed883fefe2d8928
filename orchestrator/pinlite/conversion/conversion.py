"""A whole plan, from the source to the files of all variants, compared in every runtime."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pinlite.conversion import device_program, select_tf_cost, sources, variants
from pinlite.conversion import plan as planned
from pinlite.conversion.plan import Plan, is_calibrated
from pinlite.conversion.results import Calibrated, Results, Variant
from pinlite.conversion.run import Run
from pinlite.conversion.sources import Lowered
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.inputs import modules
from pinlite.runner.protocol import Done, Runner
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Evaluation
from pinlite.schema.report import EvaluationReport, Noted, OperatorSet, Warned
from pinlite.stages import check, evaluate, export, infer, translate
from pinlite.stages import convert as convert_stage
from pinlite.stages.infer import InFile
from pinlite.store import output
from pinlite.toolchain import environments

if TYPE_CHECKING:
    from pinlite.conversion.scoring import Computed, Scoring


# What waits for a variant's file, and which of several signatures it is, by variant.
Converting = Callable[[], Done[convert_stage.Result]]
OfVariant = Mapping[VariantName, InFile]
_ALONE: OfVariant = MappingProxyType({})


def convert(plan: Plan, runner: Runner, folder: Path) -> Results:
    """What a plan gives; ``folder`` is for the files that the conversion makes itself.

    Raises:
        PinliteError: A stage failed, or every variant did. The hint has the warnings before it, which may be why.
    """
    run = Run(plan, runner, folder)
    try:
        return _convert(run)
    except PinliteError as error:
        error.hint = "; ".join(filter(None, [error.hint, *(each.message for each in run.warnings)]))
        raise


def _convert(run: Run) -> Results:
    begun = begin(run)
    done = finish(begun, begun.converting)
    run.release(*run.plan.stages)
    return done


@dataclass(frozen=True)
class Begun:
    """A conversion as far as the files of its variants, which are ``converting``."""

    common: "Prepared"
    converting: Mapping[VariantName, Converting]


def begin(run: Run) -> Begun:
    """A conversion as far as its files."""
    for stage in planned.ALL:
        if stage not in run.plan.stages:
            run.skip(stage)
    common = prepared(run)
    asked = {name: _used(common.run, name, common.calibration) for name in run.recipe.variants}
    converting = {
        name: variants.converting(common.run, name, common.lowered, samples) for name, samples in asked.items()
    }
    return Begun(common, converting)


def finish(begun: Begun, converted: Mapping[VariantName, Converting], of: OfVariant = _ALONE) -> Results:
    """The rest of it: what runtimes make of the files that are ``converted``, and what comes of that. ``of`` says which
    of a file's several signatures it is.
    """
    common = begun.common
    run, lowered, calibration = common.run, common.lowered, common.calibration
    labels = _labels(run, lowered)
    made, failures = _variants(run, lowered, converted, labels, of)
    comparisons = _comparisons(run, lowered, made, calibration)
    evaluation = _score(common, made) if common.scored else None
    _warn_of_target(run)
    return Results(
        plan=run.plan,
        lowered=lowered,
        calibration=calibration,
        variants=made,
        operators=variants.operators(run, lowered, made),
        programs=_programs(run, made, labels),
        failures=failures,
        comparisons=comparisons,
        evaluation=evaluation,
        stages=tuple(run.stages),
        records=tuple(run.records),
        versions=run.versions,
        warnings=tuple(run.warnings),
        notes=tuple(run.notes),
    )


@dataclass(frozen=True)
class Prepared:
    """What all variants have in common. ``scored`` and ``evaluated`` are there where samples are scored: what every
    runtime before TFLite computed of them, as real numbers, the reference first.
    """

    run: Run
    lowered: Lowered
    calibration: Calibrated | None
    scored: "Scoring | None"
    evaluated: Mapping[str, HashedPath]


def prepared(run: Run) -> Prepared:
    """A run as far as its variants: the SavedModel, the labelled samples, what integers are calibrated on."""
    asked = run.recipe.evaluation
    scored = _gather(run, asked) if asked else None
    if scored:
        run = replace(run, evaluation=scored.samples)
    if run.recipe.environment and (untried := environments.untested(run.recipe.environment)):
        run.notes.append(Noted(stage=export.STAGE.name, message=untried))
    lowered = sources.lower(run)
    evaluated = {
        runtime: variants.real(run, f"evaluated-{runtime}.npz", file, ())
        for runtime, file in (_evaluated(run, lowered) if scored else {}).items()
    }
    return Prepared(run, lowered, variants.calibrated(run, lowered), scored, evaluated)


def _gather(run: Run, asked: Evaluation) -> "Scoring":
    """The labelled samples, before any work: what the user's function does wrong shows at once."""
    from pinlite.conversion.scoring import Scoring  # noqa: PLC0415  # numpy takes time to import

    named = [asked.function, *evaluate.functions(asked)]
    paths = [function.path for function in named if function.path]
    folder = HashedPath.of(modules.collect_beside(paths, run.folder / "evaluation"))
    done = run.do(evaluate.gather(run.recipe, asked, folder))
    return Scoring(asked, folder, done.outputs["samples"], done.outputs["labels"])


def _evaluated(run: Run, lowered: Lowered) -> dict[str, HashedPath]:
    """What the runtimes before TFLite compute of the samples that are scored, the reference first."""
    assert run.evaluation is not None, "there are samples that are scored"
    in_tensorflow = run.begin(evaluate.saved_model(lowered.saved_model, lowered.signature, run.evaluation))
    return {**lowered.evaluated, "tensorflow": in_tensorflow().outputs["evaluated"]}


def _variants(
    run: Run,
    lowered: Lowered,
    converted: Mapping[VariantName, Converting],
    labels: HashedPath | None,
    of: OfVariant,
) -> tuple[tuple[Variant, ...], Mapping[VariantName, PinliteError]]:
    """One that fails does not keep the others from being made. All are timed at the end, when nothing else runs."""
    made, failures = [], dict[VariantName, PinliteError]()
    profiles = sources.for_tflite(run, lowered)
    run.release(check.STAGE, translate.STAGE)
    for name, converting in converted.items():
        try:
            variant = variants.make(run, name, lowered, converting(), profiles, labels, of.get(name))
        except PinliteError as error:
            failures[name] = error
            continue
        made.append(variant)
        if variant.refused:
            failures[name] = variant.refused
    timed = []
    for variant in made:
        try:
            timed.append(variants.timed(run, variant, lowered))
        except PinliteError as error:
            failures[variant.name] = error
    if not timed:
        raise next(iter(failures.values()))
    return tuple(timed), failures


def _labels(run: Run, lowered: Lowered) -> HashedPath | None:
    """The labels as files and programs have them."""
    content = device_program.checked_labels(run.recipe, [each.shape for each in lowered.signature.outputs])
    if not content:
        return None
    path = run.folder / output.LABELS
    path.write_bytes(content)
    return HashedPath.of(path)


def _programs(run: Run, made: Sequence[Variant], labels: HashedPath | None) -> dict[str, HashedPath]:
    """The programs that run the variants, by the names of their files, and the labels that they read."""
    found = {labels.path.name: labels} if labels else {}
    for variant in made:
        programs, left_out = device_program.written(run.recipe, variant, run.folder)
        found |= programs
        run.notes.extend(Noted(stage=convert_stage.STAGE.name, message=reason) for reason in left_out)
    return found


def _used(run: Run, name: VariantName, calibration: Calibrated | None) -> HashedPath | None:
    return calibration.samples if calibration and is_calibrated(run.recipe, name) else None


def _comparisons(
    run: Run, lowered: Lowered, made: Sequence[Variant], calibration: Calibrated | None
) -> dict[VariantName, tuple[OperatorSet, ...]]:
    """Where TensorFlow's operators were asked for or needed, and a runtime that has them ran the file: their cost."""
    asked = run.recipe.ops == "select-tf"
    both = select_tf_cost.runtimes(run.plan.toolchain.runtimes)
    if both is None:
        return {}
    selecting = [variant for variant in made if (asked or variant.select_tf) and both.select_tf.name in variant.ran]
    if not selecting:
        return {}
    compared = select_tf_cost.Comparison(run, both, lowered)
    sizes = compared.sizes()
    return {
        variant.name: tuple(compared.of(variant, _used(run, variant.name, calibration), sizes)) for variant in selecting
    }


def _score(common: Prepared, made: Sequence[Variant]) -> EvaluationReport:
    """The scores of what every runtime computed, the reference first."""
    run, scored = common.run, common.scored
    assert scored is not None, "the recipe has samples that are scored"
    computed: dict[tuple[str, VariantName | None], HashedPath] = {
        (runtime, None): file for runtime, file in common.evaluated.items()
    }
    for variant in made:
        computed |= {(runtime, variant.name): ran.evaluated for runtime, ran in variant.ran.items() if ran.evaluated}
    return scored.report(computed, own_scores(run, scored, computed), required(run.plan))


def own_scores(run: Run, scored: "Scoring", computed: "Computed") -> Sequence[Sequence[float]]:
    """The scores by the user's own metrics, a list for each of the computed."""
    functions = evaluate.functions(scored.asked)
    if not functions:
        return [()] * len(computed)
    action = evaluate.metric(functions, scored.modules, scored.labels, [*computed.values()], run.recipe.seed)
    return run.do(action).result.scores


def required(plan: Plan) -> set[str]:
    """The names of the runtimes in which files have to be right."""
    return {each.name for each in plan.toolchain.runtimes if plan.target.requires(each)}


def _warn_of_target(run: Run) -> None:
    """Nothing here may be as old as the runtimes that the files are to run in."""
    toolchain, target = run.plan.toolchain, run.plan.target
    if not any(map(target.is_proven_by, toolchain.runtimes)):
        there = ", ".join(runtime.name for runtime in toolchain.runtimes)
        message = (
            f"no runtime of the toolchain {toolchain.name} is as old as the target {target.name} asks for: the files "
            f"were run in {there} alone"
        )
        run.warnings.append(Warned(stage=infer.NAME, message=message))
