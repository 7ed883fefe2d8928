"""How much a TFLite runtime takes where it is installed."""

from pinlite.schema.report import RuntimeSize
from pinlite.stages.stage import Action, Stage
from pinlite.toolchain import Runtime

NAME = "measure"
Result = RuntimeSize


def action(runtime: Runtime) -> Action[Result]:
    stage = Stage(f"{NAME}-{runtime.image}", image=runtime.image, program=runtime.program, operation="measure")
    return Action(stage, Result, parameters={}, outputs={})
