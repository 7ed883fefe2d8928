"""What is wrong inside a TFLite file, by itself and as a runtime computes it."""

from pinlite.schema.audit import Content as Result
from pinlite.stages.stage import Action, Content, Stage, hashed
from pinlite.toolchain import Runtime

NAME = "audit"


def action(runtime: Runtime, model: Content, samples: Content | None) -> Action[Result]:
    """Without samples, the stage draws some."""
    stage = Stage(NAME, image=runtime.image, program=runtime.program, operation="audit")
    return Action(stage, Result, parameters={}, outputs={}, inputs=hashed(model=model, samples=samples))
