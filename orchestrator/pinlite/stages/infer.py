"""Running a TFLite file in a runtime."""

from typing import Protocol

from pinlite.schema.choices import VariantName
from pinlite.schema.report import Latency, Tensor
from pinlite.stages.stage import Action, Answer, Content, Named, Stage, as_json, evaluated, hashed, profiled
from pinlite.toolchain import Runtime

NAME = "infer"

# One thread is what most devices give a model, and what varies least between machines.
THREADS = 1
RUNS = 20
WARMUP = 5


class Tensors(Protocol):
    """The inputs and outputs of a TFLite file by the user's names."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def outputs(self) -> tuple[Tensor, ...]: ...


class Result(Answer):
    outputs: tuple[Named, ...]
    latency_ms: Latency | None
    ops: dict[str, int]


def stage(runtime: Runtime) -> Stage:
    return Stage(f"{NAME}-{runtime.image}", image=runtime.image, program=runtime.program, operation="infer")


def runs(runtime: Runtime, variant: VariantName) -> int:
    """How many invocations to time."""
    return runtime.runs.get(variant, RUNS)


def action(
    stage: Stage,
    model: Content,
    samples: Content,
    signature: Tensors | None,
    *,
    runs: int = RUNS,
    profiles: Content | None = None,
    evaluation: Content | None = None,
) -> Action[Result]:
    """Without ``signature``, the file's own names are used, in its order; without runs, nothing is timed.

    Profiles warm the runtime up, too.
    """
    return Action(
        stage,
        Result,
        parameters={
            "inputs": as_json(signature.inputs) if signature else [],
            "outputs": as_json(signature.outputs) if signature else [],
            "threads": THREADS,
            "runs": runs,
            "warmup": min(1 if profiles else WARMUP, runs),
        },
        inputs=hashed(model=model, samples=samples, profiles=profiles, evaluation=evaluation),
        outputs={"outputs": "outputs.npz"} | profiled(profiles) | evaluated(evaluation),
    )
