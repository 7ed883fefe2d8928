"""A SavedModel that the user brought takes the place of what `translate` makes."""

from pathlib import Path

from pinlite.schema.recipe import Recipe
from pinlite.stages import translate
from pinlite.stages.stage import Action, Stage, as_json, present, profiled

STAGE = Stage("adopt", image="tensorflow", program="tflite_convert.convert", operation="adopt")
Result = translate.Result


def action(recipe: Recipe, saved_model: Path) -> Action:
    return Action(
        STAGE,
        parameters={"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=present({"saved_model": saved_model, "samples": recipe.samples}),
        outputs={"samples": "samples.npz", "outputs": "outputs.npz"} | profiled(None, made=recipe.samples is None),
    )
