"""The stages of --evaluate: labelled samples, TensorFlow's outputs on them, and scores by the user's metrics."""

from collections.abc import Sequence

from pinlite.schema.recipe import Evaluation, Recipe, Source
from pinlite.stages import translate
from pinlite.stages.stage import Action, Answer, Content, Nothing, Stage, as_json, evaluated, hashed

GATHER = Stage(
    "gather", image="torch", program="torch_export.labelled_samples", operation="gather", runs_user_code=True
)
TENSORFLOW = Stage("evaluate", image="tensorflow", program="tflite_convert.convert", operation="evaluate")
METRIC = Stage("metric", image="torch", program="torch_export.metric", operation="score", runs_user_code=True)


class Scores(Answer):
    """A list for each of the outputs, with a number for each metric."""

    scores: tuple[tuple[float, ...], ...]


def gather(recipe: Recipe, evaluation: Evaluation, modules: Content) -> Action[Nothing]:
    return Action(
        GATHER,
        Nothing,
        parameters=_named(evaluation.function) | {"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=hashed(source=modules, data=recipe.data),
        outputs={"samples": "samples.npz", "labels": "labels.npz"},
    )


def saved_model(model: Content, signature: translate.Result, evaluation: Content) -> Action[Nothing]:
    return Action(
        TENSORFLOW,
        Nothing,
        parameters={"inputs": as_json(signature.inputs), "outputs": as_json(signature.outputs)},
        inputs=hashed(model=model, evaluation=evaluation),
        outputs=evaluated(evaluation),
    )


def metric(
    functions: Sequence[Source], modules: Content, labels: Content, outputs: Sequence[Content], seed: int
) -> Action[Scores]:
    computed = {f"outputs_{at}": content for at, content in enumerate(outputs)}
    return Action(
        METRIC,
        Scores,
        parameters={"metrics": [_named(one) for one in functions], "outputs": len(outputs), "seed": seed},
        inputs=hashed(source=modules, labels=labels, **computed),
        outputs={},
    )


def functions(evaluation: Evaluation) -> tuple[Source, ...]:
    """The metrics of the user's own."""
    return tuple(metric.function for metric in evaluation.metrics if metric.function)


def _named(function: Source) -> dict[str, str]:
    return {"module": function.module, "callable": function.callable}
