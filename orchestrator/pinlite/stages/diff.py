"""Telling two TFLite files apart."""

from dataclasses import replace

from pydantic import Field

from pinlite.schema.diff import Differences
from pinlite.schema.frozen import Frozen
from pinlite.stages import infer
from pinlite.stages.stage import Action, Content, Stage, as_json, hashed
from pinlite.toolchain import Runtime

NAME = "diff"


class Step(Frozen):
    """Quantized integers stand for ``scale * (integer - zero_point)``."""

    scale: float = Field(allow_inf_nan=False)
    zero_point: int


class Feed(Frozen):
    """An input or output: the first file's name for it, the other file's ``tensor``, and, where they are quantized
    integers, the steps of the first file's (``ours``) and of the other's.
    """

    name: str
    tensor: str
    ours: Step | None
    theirs: Step | None


class Feeds(Frozen):
    """The other file's inputs and outputs, in its order."""

    inputs: tuple[Feed, ...]
    outputs: tuple[Feed, ...]


class Result(Differences):
    """``feeds`` is None where the two files' inputs or outputs don't correspond."""

    feeds: Feeds | None


def stage(runtime: Runtime) -> Stage:
    """In the image of a runtime, where the files may be run as well."""
    return Stage(NAME, image=runtime.image, program=runtime.program, operation="diff")


def action(stage: Stage, one: Content, other: Content) -> Action[Result]:
    return Action(stage, Result, parameters={}, outputs={}, inputs=hashed(one=one, other=other))


def run(
    runtime: Runtime, whose: str, model: Content, samples: Content, feeds: Feeds | None = None
) -> Action[infer.Result]:
    """One of the files run on samples; with ``feeds``, by the first one's names."""
    stage = replace(infer.stage(runtime), name=f"{infer.NAME}-{whose}")
    plain = infer.action(stage, model, samples, None)
    lists = {"inputs": as_json(feeds.inputs), "outputs": as_json(feeds.outputs)} if feeds else {}
    return replace(plain, parameters={**plain.parameters, **lists})
