"""Running a TFLite file in a runtime."""

from typing import Protocol

from pinlite.schema.report import Tensor
from pinlite.stages.stage import Action, Answer, Content, Named, Stage, as_json, evaluated, hashed, profiled
from pinlite.toolchain import Runtime

NAME = "infer"

# One thread is what most devices give a model, and what varies least between machines.
THREADS = 1


class Tensors(Protocol):
    """The inputs and outputs of a TFLite file by the user's names."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...

    @property
    def outputs(self) -> tuple[Tensor, ...]: ...


class Result(Answer):
    """``emulator`` is what ran it, where no processor did."""

    outputs: tuple[Named, ...]
    ops: dict[str, int]
    emulator: str = ""


def stage(runtime: Runtime) -> Stage:
    return Stage(f"{NAME}-{runtime.image}", image=runtime.image, program=runtime.program, operation="infer")


def action(
    stage: Stage,
    model: Content,
    samples: Content,
    signature: Tensors | None,
    profiles: Content | None = None,
    evaluation: Content | None = None,
) -> Action[Result]:
    """Without ``signature``, the file's own names are used, in its order."""
    return Action(
        stage,
        Result,
        parameters={
            "inputs": as_json(signature.inputs) if signature else [],
            "outputs": as_json(signature.outputs) if signature else [],
            "threads": THREADS,
        },
        inputs=hashed(model=model, samples=samples, profiles=profiles, evaluation=evaluation),
        outputs={"outputs": "outputs.npz"} | profiled(profiles) | evaluated(evaluation),
    )
