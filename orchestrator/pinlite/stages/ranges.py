"""The ranges of an earlier file of int8, from which those of a model that is trained for int8 may begin."""

from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import Recipe
from pinlite.stages.stage import Action, Content, Stage, hashed

STAGE = Stage("ranges", image="tensorflow", program="tflite_convert.convert", operation="ranges")


class Range(Frozen):
    """The ``scale`` and ``zero_point`` of a tensor in int8, by the ``name`` of an ONNX node, an input or an output."""

    name: str
    elements: int
    scale: float
    zero_point: int


class Result(Frozen):
    ranges: tuple[Range, ...]


def action(recipe: Recipe, file: Content | None = None) -> Action[Result] | None:
    """Of the file whose ranges a recipe's training begins with, or None; ``file`` is that one, where it was read."""
    given = recipe.training.ranges if recipe.training else None
    return Action(STAGE, Result, {}, {}, hashed(model=file or given)) if given else None
