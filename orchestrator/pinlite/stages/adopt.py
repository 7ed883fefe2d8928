"""The stage that takes a user's SavedModel in place of the result of `translate`."""

from pinlite.schema.recipe import Recipe
from pinlite.stages import translate
from pinlite.stages.stage import Action, Content, Stage, as_json, hashed, profiled

STAGE = Stage("adopt", image="tensorflow", program="tflite_convert.convert", operation="adopt")
Result = translate.Result


def action(recipe: Recipe, saved_model: Content) -> Action[Result]:
    return Action(
        STAGE,
        Result,
        parameters={"inputs": as_json(recipe.inputs), "seed": recipe.seed},
        inputs=hashed(saved_model=saved_model, samples=recipe.samples),
        outputs={"samples": "samples.npz", "outputs": "outputs.npz"} | profiled(None, made=recipe.samples is None),
    )
