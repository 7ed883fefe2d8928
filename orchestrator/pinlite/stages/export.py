"""PyTorch to ONNX: load the model, run it on the samples, export it. Runs the user's own code."""

from pathlib import Path

from pinlite.model import Recipe
from pinlite.stages.stage import BATCHES, Action, Signature, Stage, as_json, present

STAGE = Stage("export", image="torch", program="export", operation="export", runs_user_code=True)
Result = Signature


def action(recipe: Recipe, source: Path) -> Action:
    """``source`` is what may be seen of the model: a folder of modules, or a checkpoint."""
    described: dict[str, str] = {"kind": recipe.source.kind}
    if recipe.source.kind == "python":
        described |= {"module": recipe.source.module, "callable": recipe.source.callable}
    batches = BATCHES if recipe.dynamic_batch else ()
    files = {"model": "model.onnx", "samples": "samples.npz", "outputs": "outputs.npz"}
    wider = {f"{role}.{batch}": file.replace(".", f".{batch}.") for role, file in files.items() for batch in batches}
    return Action(
        STAGE,
        parameters={
            "source": described,
            "inputs": as_json(recipe.inputs),
            "output_names": list(recipe.output_names),
            "seed": recipe.seed,
            "opset": recipe.opset,
            "batches": list(batches),
        },
        inputs=present({"source": source, "weights": recipe.weights, "samples": recipe.samples}),
        outputs=files | wider,
    )
