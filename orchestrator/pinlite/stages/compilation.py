"""A TFLite file compiled for an accelerator beside the processor of a device."""

from pinlite.schema.choices import VariantName
from pinlite.schema.report import OffNpu
from pinlite.stages.stage import Action, Answer, Content, Stage, hashed, of_variant
from pinlite.toolchain import Compiler

NAME = "compile"


class Result(Answer):
    """Of the fields of `pinlite.schema.report.Npu` those that are not of the file."""

    compiler: str
    system: str
    memory_mode: str
    on: int
    off: tuple[OffNpu, ...]
    macs: int
    macs_on: int
    sram: int
    dram: int
    on_chip_flash: int
    off_chip_flash: int
    milliseconds: float | None


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
