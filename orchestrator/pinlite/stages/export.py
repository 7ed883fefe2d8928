"""PyTorch to ONNX: load the model, run it on the samples, export it. Runs the user's own code."""

from typing import Any

from pydantic import Field

from pinlite.schema.choices import Exporter
from pinlite.schema.recipe import Recipe, Source, Training
from pinlite.schema.report import TrainingStep
from pinlite.stages import ranges
from pinlite.stages.stage import BATCHES, Action, Content, Signature, Stage, as_json, evaluated, hashed, profiled

STAGE = Stage("export", image="torch", program="torch_export.export", operation="export", runs_user_code=True)


class Result(Signature):
    """``exporter`` says which of torch's exporters wrote the model, "" where that torch has but one; ``modules`` of
    which modules of the model nodes are, by the names of nodes and outputs in ONNX, where that is known.
    """

    training: tuple[TrainingStep, ...] = ()
    exporter: Exporter = ""
    modules: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def action(
    recipe: Recipe,
    source: Content,
    functions: Content | None,
    evaluation: Content | None,
    earlier: ranges.Result | None = None,
) -> Action[Result]:
    """``source`` is what may be seen of the model: a folder of modules, or a checkpoint. ``functions`` is a folder with
    the modules of the functions that train it, ``evaluation`` the samples that it is scored on. Its training for int8
    begins with ``earlier`` ranges.
    """
    described: dict[str, str] = {"kind": recipe.source.kind}
    if recipe.source.kind == "python":
        described |= _named(recipe.source)
    batches = BATCHES if recipe.dynamic_batch else ()
    files = {"model": "model.onnx", "samples": "samples.npz", "outputs": "outputs.npz"}
    wider = {f"{role}.{batch}": file.replace(".", f".{batch}.") for role, file in files.items() for batch in batches}
    return Action(
        STAGE,
        Result,
        parameters={
            "source": described,
            "inputs": as_json(recipe.inputs),
            "fixed": recipe.fixed,
            "preprocessing": as_json(recipe.preprocessing),
            "output_names": list(recipe.output_names),
            "weights_key": recipe.weights_key,
            "seed": recipe.seed,
            "opset": recipe.opset,
            "batches": list(batches),
            "batched": list(recipe.batched),
            "training": recipe.training and _training(recipe.training, earlier),
        },
        inputs=hashed(
            source=source,
            weights=recipe.weights,
            samples=recipe.samples,
            functions=functions,
            data=recipe.data if recipe.training else None,
            evaluation=evaluation,
        ),
        outputs=files | wider | profiled(None, made=recipe.samples is None) | evaluated(evaluation),
    )


def functions(recipe: Recipe) -> tuple[Source, ...]:
    """The functions of the user's that train the model."""
    if recipe.training is None:
        return ()
    return tuple(function for function in (recipe.training.finetune, recipe.training.qat) if function)


def _training(training: Training, earlier: ranges.Result | None) -> dict[str, Any]:
    return {
        "prune": training.prune,
        "structured": training.structured,
        "cluster": training.cluster,
        "finetune": training.finetune and _named(training.finetune),
        "qat": training.qat and _named(training.qat),
        **({"ranges": as_json(earlier.ranges)} if earlier else {}),
    }


def _named(function: Source) -> dict[str, str]:
    return {"module": function.module, "callable": function.callable}
