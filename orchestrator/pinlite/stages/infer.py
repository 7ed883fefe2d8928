"""Running a TFLite file: in the newest runtime for CPython 3.8, and in the oldest a device may have."""

from pathlib import Path
from typing import Protocol

from pinlite.choices import VariantName
from pinlite.report import Latency, Tensor
from pinlite.stages.stage import Action, Answer, Named, Stage, as_json, evaluated, present, profiled

STAGE = Stage("infer", image="tflite", program="infer", operation="infer")
OLDEST = Stage("infer-oldest", image="tensorflow", program="convert", operation="infer")

# One thread is what most devices give a model, and what varies least between machines.
THREADS = 1
RUNS = 20
WARMUP = 5
# On a PC integers run in kernels that are written to be right, not fast: a hundred times as long in the oldest runtime.
RUNS_OF = {
    STAGE.name: {"int16x8": 5},
    OLDEST.name: {"dynamic": 0, "int8": 0, "int8-only": 0, "int16x8": 0},
}


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


def runs(stage: Stage, variant: VariantName) -> int:
    """How many invocations to time."""
    return RUNS_OF[stage.name].get(variant, RUNS)


def action(
    stage: Stage,
    model: Path,
    samples: Path,
    signature: Tensors | None,
    *,
    runs: int = RUNS,
    profiles: Path | None = None,
    evaluation: Path | None = None,
) -> Action:
    """Without ``signature``, the file's own names are used, in its order; without runs, nothing is timed.

    Profiles warm the runtime up, too.
    """
    return Action(
        stage,
        parameters={
            "inputs": as_json(signature.inputs) if signature else [],
            "outputs": as_json(signature.outputs) if signature else [],
            "threads": THREADS,
            "runs": runs,
            "warmup": min(1 if profiles else WARMUP, runs),
        },
        inputs=present({"model": model, "samples": samples, "profiles": profiles, "evaluation": evaluation}),
        outputs={"outputs": "outputs.npz"} | profiled(profiles) | evaluated(evaluation),
    )
