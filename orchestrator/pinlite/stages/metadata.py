"""TFLite metadata: what a file's inputs and outputs are, written into it and read from it."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from pinlite.schema.choices import VariantName
from pinlite.stages.stage import Action, Content, Nothing, Stage, hashed, of_variant
from pinlite.toolchain import METADATA

STAGE = Stage("metadata", image=METADATA, program="tflite_metadata.metadata", operation="write")
READING = Stage("metadata", image=METADATA, program="tflite_metadata.metadata", operation="read")


class Read(BaseModel):
    """What a file has: the format's own JSON, and the texts of the files in it by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metadata: dict[str, JsonValue]
    files: dict[str, str]


def write(
    variant: VariantName, model: Content, labels: Content | None, told: Mapping[str, JsonValue]
) -> Action[Nothing]:
    """``told`` is what `pinlite.conversion.file_metadata` says of the file."""
    return Action(
        of_variant(STAGE, variant),
        Nothing,
        parameters=dict(told),
        inputs=hashed(model=model, labels=labels),
        outputs={"model": f"model.{variant}.tflite"},
    )


def read(model: Content) -> Action[Nothing]:
    return Action(READING, Nothing, parameters={}, inputs=hashed(model=model), outputs={"metadata": "metadata.json"})
