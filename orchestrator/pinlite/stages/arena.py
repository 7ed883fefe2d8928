"""The arena that a TFLite file needs in a runtime of microcontrollers, and the file as an array of C++."""

from pinlite.schema.choices import VariantName
from pinlite.schema.report import ArenaFigures
from pinlite.stages.infer import Tensors
from pinlite.stages.stage import Action, Answer, Content, Stage, as_json, hashed, of_variant
from pinlite.toolchain import Runtime

NAME = "arena"


class Result(ArenaFigures, Answer):
    """What was measured."""


def stage(runtime: Runtime) -> Stage:
    return Stage(f"{NAME}-{runtime.image}", image=runtime.image, program=runtime.program, operation="arena")


def action(runtime: Runtime, variant: VariantName, model: Content, signature: Tensors) -> Action[Result]:
    return Action(
        of_variant(stage(runtime), variant),
        Result,
        parameters={"inputs": as_json(signature.inputs), "outputs": as_json(signature.outputs)},
        inputs=hashed(model=model),
        outputs={"source": f"micro-{variant}"},
    )
