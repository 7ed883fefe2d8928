"""The stage that runs an ONNX file of any opset as it is, and writes it at an opset that the stages after it read."""

from dataclasses import replace

from pydantic import Field

from pinlite.inputs.onnx_file import OnnxFile
from pinlite.schema.recipe import Recipe
from pinlite.stages.stage import Action, Content, Signature, Stage, as_json, at_batch, evaluated, hashed, profiled
from pinlite.toolchain import ADAPT

STAGE = Stage("adapt", image=ADAPT, program="onnx_adapt.adapt", operation="adapt")

# What the stages after it read as it is: onnx 1.8.0, and onnxruntime 1.6.0, which has no kernels below opset 7.
OPSETS, IR_VERSIONS = range(7, 14), range(3, 8)
# Operators whose numbers become others.
_REWRITTEN = {
    *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
    *("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"),
}


class Result(Signature):
    """``runtime`` is what ran the file as it is, with its version, e.g. onnxruntime-1.32.0; ``modules`` are those of
    PyTorch's model, by the names of nodes and outputs, where the dynamo exporter has noted them.
    """

    runtime: str
    opset: int
    ir_version: int
    modules: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def is_needed(file: OnnxFile | None, recipe: Recipe) -> bool:
    """Whether a model has to be adapted before it is converted."""
    return bool(recipe.from_tensors or recipe.to_tensors) or not is_plain(file)


def is_plain(file: OnnxFile | None) -> bool:
    """Whether the stages after it read a model as it is. They refuse what is no ONNX file, too."""
    return file is None or (
        file.opsets.get("", 1) in OPSETS
        and file.ir_version in IR_VERSIONS
        and not file.has_functions
        and not file.stored
        and all(domain == "" and name not in _REWRITTEN for domain, name in file.operators)
    )


def action(
    recipe: Recipe,
    model: Content,
    samples: Content | None,
    evaluation: Content | None = None,
    profiles: Content | None = None,
) -> Action[Result]:
    """``model`` is the file, or a folder as `pinlite.runner.provision.onnx` makes it. Without samples, seeded ones are
    made, and profiles of them.
    """
    return Action(
        STAGE,
        Result,
        parameters={
            "inputs": as_json(recipe.inputs),
            "seed": recipe.seed,
            "dequantize": recipe.dequantize,
            "from_tensors": list(recipe.from_tensors),
            "to_tensors": list(recipe.to_tensors),
        },
        inputs=hashed(model=model, samples=samples, profiles=profiles, evaluation=evaluation),
        outputs={"adapted": "adapted.onnx", "samples": "samples.npz", "outputs": "outputs.npz"}
        | profiled(profiles, made=samples is None)
        | evaluated(evaluation),
    )


def at(batch: int, recipe: Recipe, action: Action[Result]) -> Action[Result]:
    """An action for another size of the batch, of which it makes samples."""
    unneeded = {*profiled(None, made=True), "evaluated"}
    return replace(
        action,
        stage=at_batch(STAGE, batch),
        parameters={**action.parameters, "batch": batch, "batched": list(recipe.batched)},
        inputs={role: file for role, file in action.inputs.items() if role != "evaluation"},
        outputs={role: file for role, file in action.outputs.items() if role not in unneeded},
    )
