"""ONNX: is it well formed, what does onnxruntime compute with it, and what is its simplest equal."""

from pathlib import Path

from pinlite.model import Recipe
from pinlite.stages.stage import Action, Signature, Stage, as_json, present

STAGE = Stage("check", image="onnx", program="check", operation="check")


class Result(Signature):
    opset: int
    operators: dict[str, int]


def action(recipe: Recipe, model: Path, samples: Path | None) -> Action:
    return Action(
        STAGE,
        parameters={"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=present({"model": model, "samples": samples}),
        outputs={
            "graph": "model.graph.txt",
            "simplified": "simplified.onnx",
            "samples": "samples.npz",
            "outputs": "outputs.npz",
        },
    )
