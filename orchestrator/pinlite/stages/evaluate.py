"""Labelled samples of the user's, what TensorFlow makes of them, and scores by the user's own metrics."""

from collections.abc import Sequence
from pathlib import Path

from pinlite.schema.recipe import Evaluation, Recipe, Source
from pinlite.stages import translate
from pinlite.stages.stage import Action, Answer, Stage, as_json, evaluated, present

GATHER = Stage("gather", image="torch", program="torch_export.evaluate", operation="gather", runs_user_code=True)
TENSORFLOW = Stage("evaluate", image="tensorflow", program="tflite_convert.convert", operation="evaluate")
METRIC = Stage("metric", image="torch", program="torch_export.metric", operation="score", runs_user_code=True)


class Nothing(Answer):
    """What is made are files."""


class Scores(Answer):
    """A list for each of the outputs, with a number for each metric."""

    scores: tuple[tuple[float, ...], ...]


def gather(recipe: Recipe, evaluation: Evaluation, modules: Path) -> Action:
    return Action(
        GATHER,
        parameters=_named(evaluation.function) | {"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=present({"source": modules, "data": recipe.data}),
        outputs={"samples": "samples.npz", "labels": "labels.npz"},
    )


def saved_model(model: Path, signature: translate.Result, evaluation: Path) -> Action:
    return Action(
        TENSORFLOW,
        parameters={"inputs": as_json(signature.inputs), "outputs": as_json(signature.outputs)},
        inputs={"model": model, "evaluation": evaluation},
        outputs=evaluated(evaluation),
    )


def metric(functions: Sequence[Source], modules: Path, labels: Path, outputs: Sequence[Path], seed: int) -> Action:
    return Action(
        METRIC,
        parameters={"metrics": [_named(one) for one in functions], "outputs": len(outputs), "seed": seed},
        inputs={"source": modules, "labels": labels} | {f"outputs_{at}": path for at, path in enumerate(outputs)},
        outputs={},
    )


def functions(evaluation: Evaluation) -> tuple[Source, ...]:
    """The metrics of the user's own."""
    return tuple(metric.function for metric in evaluation.metrics if metric.function)


def _named(function: Source) -> dict[str, str]:
    return {"module": function.module, "callable": function.callable}
