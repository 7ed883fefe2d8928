"""ONNX to a TensorFlow SavedModel, by onnx-tf unchanged (``stock``) or by pinlite's lowering (``nhwc``); and running
it in TensorFlow.
"""

from collections.abc import Mapping
from typing import Any

from pinlite.errors import UsageError
from pinlite.schema.choices import Layout
from pinlite.schema.recipe import LayoutSpec, Recipe
from pinlite.stages.stage import BATCHES, Action, Answer, Content, Named, Nothing, Signature, Stage, as_json, hashed

STAGE = Stage("translate", image="onnx-tf", program="onnx_translate.translate", operation="translate")
COMPUTE = Stage("run-tensorflow", image="onnx-tf", program="onnx_translate.translate", operation="compute")


# How many dimensions what has channels has: sequences, images and volumes.
_RANKS = range(3, 6)
_IMAGE = 4


# The outputs for the first of the other batch sizes.
WIDER = f"outputs.{BATCHES[0]}"


class Keyed(Named):
    """``key`` is the name in the SavedModel's serving_default signature; ``shape`` is in the order of ``layout``."""

    key: str
    layout: Layout = "nchw"


class Result(Answer):
    inputs: tuple[Keyed, ...]
    outputs: tuple[Keyed, ...]


def in_pytorch(tensor: Keyed) -> Named:
    """An input or output as PyTorch has it."""
    shape = tensor.shape
    if tensor.layout == "nhwc" and shape:
        shape = (shape[0], shape[-1], *shape[1:-1])
    return Named(name=tensor.name, shape=shape, dtype=tensor.dtype)


def action(recipe: Recipe, model: Content, samples: Content, signature: Signature) -> Action[Result]:
    """``signature`` is that of the ONNX model; a UsageError says which layout does not fit it."""
    settings = {} if recipe.lowering == "stock" else _settings(recipe, signature)
    return Action(
        STAGE,
        Result,
        parameters={"lowering": recipe.lowering} | settings,
        inputs=hashed(model=model, samples=samples),
        outputs={"saved_model": "saved_model"},
    )


def open_action(recipe: Recipe, files: Mapping[str, Content], signature: Signature) -> Action[Result]:
    """The translation with an open batch, from what `check` made for each of `BATCHES`, by role (simplified.5)."""
    return Action(
        STAGE,
        Result,
        parameters={"lowering": recipe.lowering, "batches": list(BATCHES)} | _settings(recipe, signature),
        inputs=hashed(**files),
        outputs={"saved_model": "saved_model"},
    )


def compute(saved_model: Content, signature: Result, samples: Content, wider: Content | None) -> Action[Nothing]:
    """Running the SavedModel on the samples, and on those of the first of the other batch sizes, if there are any."""
    return Action(
        COMPUTE,
        Nothing,
        parameters={"inputs": as_json(signature.inputs), "outputs": as_json(signature.outputs)},
        inputs=hashed(saved_model=saved_model, samples=samples, **{f"samples.{BATCHES[0]}": wider}),
        outputs={"outputs": "outputs.npz"} | ({WIDER: f"{WIDER}.npz"} if wider else {}),
    )


def _settings(recipe: Recipe, signature: Signature) -> dict[str, Any]:
    return {
        "nhwc_inputs": _channels_last("--input-layout", recipe.input_layouts, signature.inputs),
        "nhwc_outputs": _channels_last("--output-layout", recipe.output_layouts, signature.outputs),
        "select_tf": recipe.ops != "builtin",
    }


def _channels_last(option: str, specs: tuple[LayoutSpec, ...], tensors: tuple[Named, ...]) -> list[str]:
    """The names of the tensors that are to have their channels last."""
    asked = {spec.name: spec.layout for spec in specs}
    ranks = {tensor.name: len(tensor.shape) for tensor in tensors}
    for name in asked.keys() - {""}:
        if name not in ranks:
            raise UsageError(f"{option}: there is no {name!r}", hint=f"there are {', '.join(ranks)}")
        if asked[name] == "nhwc" and ranks[name] not in _RANKS:
            raise UsageError(
                f"{option}: {name!r} has {ranks[name]} dimensions", hint="those of 3 to 5 dimensions have channels"
            )
    every = asked.get("", "nchw")
    return [name for name, rank in ranks.items() if asked.get(name, every if rank == _IMAGE else "nchw") == "nhwc"]
