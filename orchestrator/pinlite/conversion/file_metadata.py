"""What a file's TFLite metadata says of its inputs and outputs."""

import math
from typing import TYPE_CHECKING

from pydantic import JsonValue

from pinlite.conversion.device_program import normalization
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Recipe
from pinlite.store.output import LABELS

if TYPE_CHECKING:
    from pinlite.schema.report import Tensor
    from pinlite.stages.convert import Result

# Pixels of metadata are from 0 to this.
_WHITE = 255
# Images by the number of their channels.
_IMAGES = {1: "gray", 3: "rgb"}


def of(recipe: Recipe, variant: VariantName, converted: "Result", labels: int) -> dict[str, JsonValue]:
    """The parameters of the stage that writes it; ``labels`` is how many there are.

    Axes are told in the descriptions: readers of metadata take an image for one with its channels last.
    """
    source = recipe.source
    labelled = next((each.name for each in converted.outputs if labels and _numbers(each) == labels), "")
    return {
        "name": source.callable or (source.path.stem if source.path else source.module),
        "description": f"{variant}, converted by pinlite",
        "labels": LABELS,
        "inputs": [_tensor(each, recipe) for each in converted.inputs],
        "outputs": [_tensor(each, labelled=each.name == labelled) for each in converted.outputs],
    }


def _tensor(tensor: "Tensor", recipe: Recipe | None = None, *, labelled: bool = False) -> dict[str, JsonValue]:
    mean, std = normalization(recipe, tensor) if recipe else ((), ())
    shape = "x".join("?" if size is None else str(size) for size in tensor.shape)
    is_image = bool(std) and tensor.layout == "nhwc"
    return {
        "name": tensor.name,
        "tensor": tensor.tensor,
        "description": f"{shape or 'one number'} of {tensor.dtype}, {tensor.layout}",
        "mean": [_WHITE * each for each in mean],
        "std": [_WHITE * each for each in std],
        "image": _IMAGES.get(tensor.shape[-1] or 0, "") if is_image else "",
        "labelled": labelled,
    }


def _numbers(tensor: "Tensor") -> int:
    return math.prod(size or 1 for size in tensor.shape[1:])
