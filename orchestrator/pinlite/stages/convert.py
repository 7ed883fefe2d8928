"""SavedModel to TFLite, one variant a request."""

from pathlib import Path

from pinlite.model import Frozen, Ops, Tensor
from pinlite.stages import translate
from pinlite.stages.stage import Action, Stage, as_json

STAGE = Stage("convert", image="tensorflow", program="convert", operation="convert")


class Result(Frozen):
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    select_tf: tuple[str, ...]


def action(variant: str, ops: Ops, saved_model: Path, signature: translate.Result) -> Action:
    return Action(
        STAGE,
        parameters={
            "variant": variant,
            "ops": ops,
            "inputs": as_json(signature.inputs),
            "outputs": as_json(signature.outputs),
        },
        inputs={"saved_model": saved_model},
        outputs={"model": f"model.{variant}.tflite"},
    )
