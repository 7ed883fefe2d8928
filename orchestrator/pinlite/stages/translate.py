"""ONNX to a TensorFlow SavedModel, by onnx-tf as it is (``stock``) or by our lowering (``nhwc``)."""

from pathlib import Path

from pinlite.model import Frozen, Lowering
from pinlite.stages.stage import Action, Named, Stage

STAGE = Stage("translate", image="onnx-tf", program="translate", operation="translate")


class Keyed(Named):
    """``key`` is the name in the SavedModel's serving_default signature."""

    key: str


class Result(Frozen):
    inputs: tuple[Keyed, ...]
    outputs: tuple[Keyed, ...]


def action(lowering: Lowering, model: Path, samples: Path) -> Action:
    return Action(
        STAGE,
        parameters={"lowering": lowering},
        inputs={"model": model, "samples": samples},
        outputs={"saved_model": "saved_model", "outputs": "outputs.npz"},
    )
