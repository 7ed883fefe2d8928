"""Putting TFLite files of one variant into one, in which each is a signature."""

from collections.abc import Mapping

from pinlite.digest import HashedPath
from pinlite.schema.choices import VariantName
from pinlite.stages.stage import Action, Answer, Stage, of_variant

STAGE = Stage("join", image="tensorflow", program="tflite_convert.convert", operation="join")


class Result(Answer):
    """``graphs`` of each signature in the file: the first, and the one after the last."""

    graphs: dict[str, tuple[int, int]]


def action(variant: VariantName, files: Mapping[str, HashedPath]) -> Action[Result]:
    """``files`` are in the order of the signatures, by their names."""
    return Action(
        of_variant(STAGE, variant),
        Result,
        parameters={"signatures": [*files]},
        inputs=files,
        outputs={"model": f"model.{variant}.tflite"},
    )
