"""Calibration samples from images, or from a function of the user."""

from collections.abc import Sequence
from pathlib import Path

from pinlite.schema.recipe import Calibration
from pinlite.stages.stage import Action, Answer, Content, Named, Stage, as_json, hashed

STAGE = Stage(
    "calibrate",
    image="torch",
    program="torch_export.representative_dataset",
    operation="calibrate",
    runs_user_code=True,
)


class Result(Answer):
    """``preparation`` says what was done to images."""

    preparation: str


def action(
    calibration: Calibration, source: Content, inputs: Sequence[Named], seed: int, data: Path | None
) -> Action[Result]:
    """``source`` is a folder: of images, or of the modules that may be seen; a function may read ``data``."""
    return Action(
        STAGE,
        Result,
        parameters={
            "kind": calibration.kind,
            "module": calibration.module,
            "callable": calibration.callable,
            "mean": list(calibration.mean),
            "std": list(calibration.std),
            "inputs": as_json(tuple(inputs)),
            "seed": seed,
        },
        inputs=hashed(source=source, data=data if calibration.kind == "python" else None),
        outputs={"samples": "samples.npz"},
    )
