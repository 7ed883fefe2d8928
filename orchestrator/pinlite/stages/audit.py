"""What is wrong inside a TFLite file, by itself and as a runtime computes it."""

from collections.abc import Sequence

from pinlite.schema.audit import Content as Result
from pinlite.stages.stage import Action, Content, Stage, hashed
from pinlite.toolchain import Runtime

NAME = "audit"


def home(runtimes: Sequence[Runtime]) -> Runtime | None:
    """The newest runtime whose program audits, which is that of the packages of a runtime alone; none that is added,
    nor a device's.
    """
    return next(
        (runtime for runtime in reversed(runtimes) if not (runtime.select_tf or runtime.added or runtime.arena)), None
    )


def stage(runtime: Runtime) -> Stage:
    return Stage(NAME, image=runtime.image, program=runtime.program, operation="audit")


def action(stage: Stage, model: Content, samples: Content | None = None) -> Action[Result]:
    """Without samples, the stage draws some."""
    return Action(stage, Result, parameters={}, outputs={}, inputs=hashed(model=model, samples=samples))
