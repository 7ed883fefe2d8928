"""A search, and the conversion by what it has chosen."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pinlite import options
from pinlite.conversion import pipeline
from pinlite.conversion.conversion import prepared
from pinlite.conversion.plan import Plan, is_calibrated, prepare
from pinlite.conversion.run import Run, runner_of
from pinlite.errors import ModelError, UsageError
from pinlite.events import Notice, Observer, ignore
from pinlite.inputs.paths import existing_file
from pinlite.machine import temporary
from pinlite.options import pinlite_toml
from pinlite.options.declared import SIGNATURE
from pinlite.provenance import lockfile
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import PostTrainingQuantization, Recipe
from pinlite.schema.report import Report, Trial, Tuning
from pinlite.store import output
from pinlite.tuning import settings
from pinlite.tuning.search import Search, chosen, frontier
from pinlite.tuning.trials import Trials, runtime

_FILE = Path("pinlite.toml")
# What is tuned where nothing is asked for.
_USUAL: VariantName = "int8"


def resolve(given: Mapping[str, Any], file: Path | None) -> Recipe:
    """What `pinlite.options.resolve` says, of one model; int8 where no variant is given."""
    known = pinlite_toml.read(file) if file else {}
    if SIGNATURE in known:
        raise UsageError(
            f"{file} has several signatures, and one model is tuned",
            hint="tune each of the models alone, and give its table the options that were chosen",
        )
    usual = {} if "variant" in known or given.get("variant") else {"variant": [_USUAL]}
    return options.resolve({**given, **usual}, file)


def tune(recipe: Recipe, file: Path | None, budget: float, observe: Observer = ignore) -> Report:
    """Search for at most ``budget`` seconds, convert by what is chosen, and write it into the ``file`` that the recipe
    is from, or into a new pinlite.toml with the recipe's options.

    Raises:
        UsageError: There is nothing to choose, or no file to write.
        ScoreError: Nothing that was tried loses as little as it may. The best of it is in the output folder, and
            pinlite.toml is as it was.
        PinliteError: As `pinlite.conversion.pipeline.run`.
    """
    place = _place(file)
    known = pinlite_toml.read(file) if file else {}
    variant = _variant(recipe)
    plan = prepare(recipe, observe)
    output.check(recipe.out, recipe.source.text)
    tuning = _search(plan, variant, budget, observe)
    method = tuning.trials[tuning.chosen].method
    changed = options.keyed_method(method)
    decided = {key: value for key, value in {**recipe.options, **changed}.items() if value is not None}
    tuned = replace(plan, recipe=recipe.model_copy(update={"quantization": method, "options": decided}))
    report = pipeline.run_plan(tuned, observe, tuning=tuning)
    given = {key: value for key, value in recipe.options.items() if key not in known or known[key] != value}
    settings.write(place, {**given, **changed})
    lockfile.write(report.lock, place.with_suffix(".lock"))
    return report


def _place(file: Path | None) -> Path:
    """The pinlite.toml to write: the one that was read, or a new one."""
    if file:
        return existing_file(file)
    if _FILE.exists():
        raise UsageError(
            f"{_FILE} is there already, and was not read: a source is given",
            hint=f"--config {_FILE} has the choice written into it; else work in another folder",
        )
    return _FILE


def _variant(recipe: Recipe) -> VariantName:
    """The one whose integers are to be chosen."""
    if recipe.evaluation is None:
        raise UsageError(
            "tuning needs --evaluate: labelled samples, on which what is tried is scored",
            hint="e.g. --evaluate data.py:labelled",
        )
    if recipe.lowering != "nhwc":
        raise UsageError(f"the lowering {recipe.lowering} leaves nothing to choose", hint="tune with --lowering nhwc")
    found = [variant for variant in recipe.variants if is_calibrated(recipe, variant)]
    if not found:
        raise UsageError(
            f"no variant of {', '.join(recipe.variants)} takes ranges from samples: there is nothing to choose",
            hint="e.g. --variant int8 --calibration samples.npz; a model with integers of its own keeps their ranges",
        )
    if len(found) > 1:
        raise UsageError(
            f"{' and '.join(found)} would be chosen for at once", hint=f"tune one of them: --variant {found[0]}"
        )
    return found[0]


def _search(plan: Plan, variant: VariantName, budget: float, observe: Observer) -> Tuning:
    asked = plan.recipe.evaluation
    assert asked is not None, "it was looked at"
    with temporary.folder() as made, runner_of(plan, observe) as runner:
        common = prepared(Run(plan, runner, Path(made).resolve()))
        assert common.scored is not None, "there are labelled samples"
        trials = Trials(common, common.scored, variant, runtime(plan, variant))
        deadline = time.monotonic() + budget
        refusals: list[ModelError] = []

        def attempt(method: PostTrainingQuantization) -> Trial | None:
            words = options.words_of_method(method)
            try:
                trial = trials.attempt(method)
            except ModelError as refusal:
                refusals.append(refusal)
                observe(Notice(f"{words}: refused, {refusal.message}"))
                return None
            observe(Notice(f"{words}: loses {trial.lost:.2%}, outputs are off by {trial.error:.2%}"))
            return trial

        # One trial there is, whatever the time.
        search = Search(attempt, lambda: not search.trials or time.monotonic() < deadline, asked.loss)
        layers: Callable[[Trial], list[str]] | None = trials.layers if variant != "int8-only" else None
        complete = search.run(plan.recipe.quantization, layers, may_have_int16=variant == "int8")
        if not search.trials:
            raise refusals[0]
    return Tuning(
        variant=variant,
        runtime=trials.runtime.name,
        loss=asked.loss,
        budget=budget,
        complete=complete,
        trials=tuple(search.trials),
        frontier=frontier(search.trials),
        chosen=chosen(search.trials, asked.loss),
    )
