"""SavedModel to TFLite, one variant a request."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from pydantic import JsonValue

from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import PostTrainingQuantization, Recipe
from pinlite.schema.report import Quantization, Tensor
from pinlite.stages import translate
from pinlite.stages.stage import Action, Answer, Content, Stage, as_json, hashed, of_variant
from pinlite.toolchain import Target

_UNKNOWN: Mapping[str, Sequence[str]] = MappingProxyType({})

STAGE = Stage("convert", image="tensorflow", program="tflite_convert.convert", operation="convert")


class Result(Answer):
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    select_tf: tuple[str, ...]
    quantization: Quantization
    macs: int
    parameters: int


def action(
    recipe: Recipe,
    target: Target,
    variant: VariantName,
    saved_model: Content,
    signature: translate.Result,
    calibration: Content | None,
    modules: Mapping[str, Sequence[str]] = _UNKNOWN,
) -> Action[Result]:
    """``calibration`` is what `pinlite.conversion.representative_dataset` writes; the integer variants need it.
    ``modules`` are those of PyTorch's model by the names of ONNX nodes and outputs, by which layers may be called. The
    file may use what the runtimes of ``target`` have.
    """
    return Action(
        of_variant(STAGE, variant),
        Result,
        parameters={
            "variant": variant,
            "lowering": recipe.lowering,
            "ops": recipe.ops,
            "integer_io": recipe.integer_io,
            "quantized": recipe.has_ranges and recipe.source.kind == "onnx",
            "inputs": as_json(signature.inputs),
            "outputs": as_json(signature.outputs),
            **({"has": sorted(target.has)} if target.has else {}),
            **(_method(recipe, modules) if calibration else {}),
        },
        inputs=hashed(saved_model=saved_model, calibration=calibration),
        outputs={"model": f"model.{variant}.tflite", "operators": f"operators.{variant}.json"},
    )


def _method(recipe: Recipe, modules: Mapping[str, Sequence[str]]) -> dict[str, JsonValue]:
    """How integers are chosen, where it is not what the quantizer does by itself."""
    method = recipe.quantization
    if method == PostTrainingQuantization():
        return {}
    asked = method.model_dump(mode="json")
    if (method.keep_float or method.keep_int16) and modules:
        asked["modules"] = {name: list(of) for name, of in modules.items()}
    return {"quantization": asked}
