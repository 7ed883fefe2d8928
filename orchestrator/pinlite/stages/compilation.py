"""A TFLite file compiled for an accelerator beside the processor of a device."""

from pinlite.schema.choices import VariantName
from pinlite.schema.report import NpuFigures
from pinlite.stages.stage import Action, Answer, Content, Stage, hashed, of_variant
from pinlite.toolchain import Compiler

NAME = "compile"


class Result(NpuFigures, Answer):
    """What the compiler says."""


def stage(compiler: Compiler) -> Stage:
    return Stage(f"{NAME}-{compiler.accelerator}", image=compiler.image, program=compiler.program, operation="compile")


def action(compiler: Compiler, variant: VariantName, model: Content, operators: Content) -> Action[Result]:
    """``operators`` are those of the file, as `pinlite.schema.operators.FileOperators` has them."""
    return Action(
        of_variant(stage(compiler), variant),
        Result,
        parameters={"accelerator": compiler.accelerator},
        inputs=hashed(model=model, operators=operators),
        outputs={"compiled": f"model.{variant}.{compiler.accelerator}.tflite"},
    )
