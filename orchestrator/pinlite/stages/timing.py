"""Timing a TFLite file in a runtime."""

from pinlite.schema.choices import VariantName
from pinlite.schema.report import Latency
from pinlite.stages.infer import THREADS, InFile, Tensors
from pinlite.stages.stage import Action, Answer, Content, Stage, as_json, hashed
from pinlite.toolchain import Runtime

# So many invocations whatever they take, and up to so many within the seconds.
LEAST, MOST = 5, 20
SECONDS = 0.05


class Result(Answer):
    """``latency_ms`` is None in an emulator."""

    latency_ms: Latency | None


def stage(runtime: Runtime) -> Stage:
    return Stage(f"time-{runtime.image}", image=runtime.image, program=runtime.program, operation="time", measures=True)


def runs(runtime: Runtime, variant: VariantName) -> int:
    """How many invocations to time at most; 0 where that would take too long."""
    return runtime.runs.get(variant, MOST)


def action(
    stage: Stage,
    model: Content,
    samples: Content,
    signature: Tensors,
    *,
    most: int = MOST,
    exactly: int | None = None,
    of: InFile | None = None,
) -> Action[Result]:
    """``exactly`` so many invocations are timed, where that is given, whatever they take. ``of`` says which of several
    signatures.
    """
    least = min(LEAST, most)
    return Action(
        stage,
        Result,
        parameters={
            "inputs": as_json(signature.inputs),
            "threads": THREADS,
            "least": exactly or least,
            "most": exactly or most,
            "seconds": SECONDS,
            **(of.parameters() if of else {}),
        },
        inputs=hashed(model=model, samples=samples),
        outputs={},
    )
