"""The size of a TFLite runtime's shared libraries."""

from pinlite.schema.report import RuntimeSize
from pinlite.stages.stage import Action, Stage
from pinlite.toolchain import Runtime

NAME = "measure"
Result = RuntimeSize


def action(runtime: Runtime) -> Action[Result]:
    stage = Stage(f"{NAME}-{runtime.image}", image=runtime.image, program=runtime.program, operation="measure")
    return Action(stage, Result, parameters={}, outputs={})
