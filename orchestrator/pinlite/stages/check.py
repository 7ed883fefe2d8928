"""The stages that check an ONNX file, simplify it, and run it in onnxruntime."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from pinlite.schema.recipe import Recipe
from pinlite.stages.stage import (
    Action,
    Content,
    Nothing,
    Signature,
    Stage,
    as_json,
    at_batch,
    evaluated,
    hashed,
    profiled,
)

STAGE = Stage("check", image="onnx", program="onnx_check.check", operation="check")
COMPUTE = Stage("run-onnxruntime", image="onnx", program="onnx_check.check", operation="compute")


class Result(Signature):
    """``index_bounds`` are what the integers of inputs have to stay below, by name, where that is less than 10;
    ``modules`` those of PyTorch's model, by the names of nodes and outputs, where the nodes' names have them.
    """

    opset: int
    operators: dict[str, int]
    index_bounds: dict[str, Annotated[int, Field(ge=1, lt=10)]] = Field(default_factory=dict)
    modules: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def action(recipe: Recipe, model: Content, samples: Content | None) -> Action[Result]:
    """Without samples, seeded ones are made, and profiles of them."""
    return Action(
        STAGE,
        Result,
        parameters={"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=hashed(model=model, samples=samples),
        outputs={"simplified": "simplified.onnx", "samples": "samples.npz"}
        | ({} if samples else {"profiles": "profiles.npz"}),
    )


def compute(
    model: Content, samples: Content, profiles: Content | None = None, evaluation: Content | None = None
) -> Action[Nothing]:
    """Running a model that was checked, and putting it in words."""
    return Action(
        COMPUTE,
        Nothing,
        parameters={},
        inputs=hashed(model=model, samples=samples, profiles=profiles, evaluation=evaluation),
        outputs={"outputs": "outputs.npz", "graph": "model.graph.txt"} | profiled(profiles) | evaluated(evaluation),
    )


def compute_at(batch: int, model: Content, samples: Content) -> Action[Nothing]:
    """Running a model for another size of the batch."""
    return replace(compute(model, samples), stage=at_batch(COMPUTE, batch), outputs={"outputs": "outputs.npz"})


def at(batch: int, recipe: Recipe, action: Action[Result], *, open_model: bool) -> Action[Result]:
    """An action of a model for another size of the batch; of an ``open_model``, which makes samples of this size."""
    asked = {"batch": batch, "batched": list(recipe.batched)} if open_model else {}
    parameters = {**action.parameters, **asked}
    outputs = {role: file for role, file in action.outputs.items() if role != "profiles"}
    return replace(action, stage=at_batch(STAGE, batch), parameters=parameters, outputs=outputs)
