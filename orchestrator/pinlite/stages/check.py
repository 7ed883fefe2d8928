"""The stage that checks an ONNX file, runs it in onnxruntime, and simplifies it."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from pinlite.schema.recipe import Recipe
from pinlite.stages.stage import Action, Content, Signature, Stage, as_json, at_batch, evaluated, hashed, profiled

STAGE = Stage("check", image="onnx", program="onnx_check.check", operation="check")


class Result(Signature):
    """``index_bounds`` are what the integers of inputs have to stay below, by name, where that is less than 10."""

    opset: int
    operators: dict[str, int]
    index_bounds: dict[str, Annotated[int, Field(ge=1, lt=10)]] = Field(default_factory=dict)


def action(
    recipe: Recipe,
    model: Content,
    samples: Content | None,
    evaluation: Content | None = None,
    profiles: Content | None = None,
) -> Action[Result]:
    """Without samples, seeded ones are made, and profiles of them."""
    return Action(
        STAGE,
        Result,
        parameters={"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=hashed(model=model, samples=samples, profiles=profiles, evaluation=evaluation),
        outputs={
            "graph": "model.graph.txt",
            "simplified": "simplified.onnx",
            "samples": "samples.npz",
            "outputs": "outputs.npz",
        }
        | profiled(profiles, made=samples is None)
        | evaluated(evaluation),
    )


def at(batch: int, recipe: Recipe, action: Action[Result], *, open_model: bool) -> Action[Result]:
    """An action of a model for another size of the batch; of an ``open_model``, which makes samples of this size."""
    asked = {"batch": batch, "batched": list(recipe.batched)} if open_model else {}
    parameters = {**action.parameters, **asked}
    outputs = {role: file for role, file in action.outputs.items() if role not in profiled(None, made=True)}
    return replace(action, stage=at_batch(STAGE, batch), parameters=parameters, outputs=outputs)
