"""A whole plan, from the source to the files of all variants, compared in every runtime."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pinlite.conversion import plan as planned
from pinlite.conversion import select_tf_cost, sources, variants
from pinlite.conversion.plan import Plan, is_calibrated
from pinlite.conversion.results import Calibrated, Results, Variant
from pinlite.conversion.run import Run
from pinlite.conversion.scoring import Scoring
from pinlite.conversion.sources import Lowered
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.inputs import modules
from pinlite.runner.protocol import Runner
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Evaluation
from pinlite.schema.report import EvaluationReport, Noted, OperatorSet, Warned
from pinlite.stages import evaluate, export, infer
from pinlite.toolchain import environments


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
    plan = run.plan
    for stage in planned.ALL:
        if stage not in plan.stages:
            run.skip(stage)
    scored = _gather(run, plan.recipe.evaluation) if plan.recipe.evaluation else None
    if scored:
        run = replace(run, evaluation=scored.samples)
    if plan.recipe.environment and (untried := environments.untested(plan.recipe.environment)):
        run.notes.append(Noted(stage=export.STAGE.name, message=untried))
    lowered = sources.lower(run)
    tensorflow = _evaluated(run, lowered)
    calibration = variants.calibrated(run, lowered)
    made, failures = _variants(run, lowered, calibration)
    comparisons = _comparisons(run, lowered, made, calibration)
    evaluation = _score(run, scored, lowered, tensorflow, made) if scored else None
    _warn_of_target(run)
    return Results(
        plan=plan,
        lowered=lowered,
        calibration=calibration,
        variants=made,
        failures=failures,
        comparisons=comparisons,
        evaluation=evaluation,
        stages=tuple(run.stages),
        records=tuple(run.records),
        versions=run.versions,
        warnings=tuple(run.warnings),
        notes=tuple(run.notes),
    )


def _gather(run: Run, asked: Evaluation) -> Scoring:
    """The labelled samples, before any work: what the user's function does wrong shows at once."""
    named = [asked.function, *evaluate.functions(asked)]
    paths = [function.path for function in named if function.path]
    folder = HashedPath.of(modules.collect_beside(paths, run.folder / "evaluation"))
    done = run.do(evaluate.gather(run.recipe, asked, folder))
    return Scoring(asked, folder, done.outputs["samples"], done.outputs["labels"])


def _evaluated(run: Run, lowered: Lowered) -> HashedPath | None:
    """What TensorFlow computes of the samples that are scored."""
    if run.evaluation is None:
        return None
    return run.do(evaluate.saved_model(lowered.saved_model, lowered.signature, run.evaluation)).outputs["evaluated"]


def _variants(
    run: Run, lowered: Lowered, calibration: Calibrated | None
) -> tuple[tuple[Variant, ...], Mapping[VariantName, PinliteError]]:
    """One after the other; one that fails does not keep the others from being made."""
    made, failures = [], dict[VariantName, PinliteError]()
    profiles = sources.for_tflite(run, lowered)
    for name in run.recipe.variants:
        try:
            variant = variants.make(run, name, lowered, _used(run, name, calibration), profiles)
        except PinliteError as error:
            failures[name] = error
            continue
        made.append(variant)
        if variant.refused:
            failures[name] = variant.refused
    if not made:
        raise next(iter(failures.values()))
    return tuple(made), failures


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


def _score(
    run: Run, scored: Scoring, lowered: Lowered, tensorflow: HashedPath | None, made: Sequence[Variant]
) -> EvaluationReport:
    """The scores of what every runtime computed, the reference first."""
    floats = {**lowered.evaluated, **({"tensorflow": tensorflow} if tensorflow else {})}
    computed: dict[tuple[str, VariantName | None], HashedPath] = {
        (runtime, None): variants.real(run, f"evaluated-{runtime}.npz", file, ()) for runtime, file in floats.items()
    }
    for variant in made:
        computed |= {(runtime, variant.name): ran.evaluated for runtime, ran in variant.ran.items() if ran.evaluated}
    functions = evaluate.functions(scored.asked)
    own: Sequence[Sequence[float]] = [()] * len(computed)
    if functions:
        action = evaluate.metric(functions, scored.modules, scored.labels, [*computed.values()], run.recipe.seed)
        own = run.do(action).result.scores
    required = {each.name for each in run.plan.toolchain.runtimes if run.plan.target.requires(each)}
    return scored.report(computed, own, required)


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
