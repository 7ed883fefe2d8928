"""Running a TFLite file in a runtime."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from pinlite.digest import HashedPath
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


@dataclass(frozen=True)
class InFile:
    """One of a file's several signatures: its ``key``, and its ``graphs`` in the file: the first and the one after the
    last. ``alone`` is a file that has it alone.
    """

    key: str
    graphs: tuple[int, int]
    alone: HashedPath

    def parameters(self) -> dict[str, JsonValue]:
        return {"signature": {"key": self.key, "graphs": [*self.graphs]}}


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
    of: InFile | None = None,
) -> Action[Result]:
    """Without ``signature``, the file's own names are used, in its order. ``of`` says which of several signatures."""
    return Action(
        stage,
        Result,
        parameters={
            "inputs": as_json(signature.inputs) if signature else [],
            "outputs": as_json(signature.outputs) if signature else [],
            "threads": THREADS,
            **(of.parameters() if of else {}),
        },
        inputs=hashed(model=model, samples=samples, profiles=profiles, evaluation=evaluation),
        outputs={"outputs": "outputs.npz"} | profiled(profiles) | evaluated(evaluation),
    )
