from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, Field

from pinlite.digest import HashedPath
from pinlite.errors import UsageError
from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import InputSpec


class Named(Frozen):
    """A model's input or output as a stage reports it. A size of None is not fixed."""

    name: str
    shape: tuple[Annotated[int, Field(ge=0)] | None, ...]
    dtype: str = Field(pattern=r"^(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))$")


class Answer(Frozen):
    """What a stage answers; ``warnings`` are lines on what may be wrong in what it made, though nothing failed,
    ``notes`` lines on what it chose itself.
    """

    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Nothing(Answer):
    """What is made are files."""


class Signature(Answer):
    """What goes in and out of a model, in the order of its call."""

    inputs: tuple[Named, ...]
    outputs: tuple[Named, ...]


# A model whose batch is to be open is looked at for these sizes of it, and compared at the first. They are prime, and
# no numbers that models are made of, so that nothing else in a graph changes with them.
BATCHES = (5, 7)


@dataclass(frozen=True)
class Stage:
    """A step of a conversion: the image, as a toolchain's ``images`` have it, and the program it runs in; ``variant``
    is the kind of file that it is about. What a stage ``measures`` is true of this machine alone.

    A worker that ``runs_user_code`` serves one request and is gone.
    """

    name: str
    image: str
    program: str
    operation: str
    runs_user_code: bool = False
    variant: VariantName | None = None
    measures: bool = False

    @property
    def home(self) -> tuple[str, str]:
        """The image and the program that serve it; stages with the same home may share a worker."""
        return self.image, self.program


ResultT = TypeVar("ResultT", bound=BaseModel)

# A file or folder that an action takes: one that has been hashed, or one that is to be.
Content = Path | HashedPath


@dataclass(frozen=True)
class Action(Generic[ResultT]):
    """A stage with all that decides its outcome: a value, which any runner can run anywhere.

    ``inputs`` map roles to files by their content, ``outputs`` to file names; what the stage answers is a ``result``.
    """

    stage: Stage
    result: type[ResultT]
    parameters: Mapping[str, Any]
    outputs: Mapping[str, str]
    inputs: Mapping[str, HashedPath] = field(default_factory=dict)


def at_batch(stage: Stage, batch: int) -> Stage:
    """The stage, once more for another size of the batch."""
    return replace(stage, name=f"{stage.name}-batch-{batch}")


def of_variant(stage: Stage, variant: VariantName) -> Stage:
    """The stage under a name of its own for each variant, which a run may have several of."""
    name = stage.name if variant == "float32" else f"{stage.name}-{variant}"
    return replace(stage, name=name, variant=variant)


def of_signature(stage: Stage, signature: str) -> Stage:
    """The stage under a name of its own for each signature, where a file has several of them."""
    return replace(stage, name=f"{stage.name}-{signature}") if signature else stage


def evaluated(evaluation: Content | None) -> dict[str, str]:
    """The output that answers the input role ``evaluation``, samples to be scored on, where there is one."""
    return {"evaluated": "evaluated.npz"} if evaluation else {}


def profiled(profiles: Content | None, *, made: bool = False) -> dict[str, str]:
    """The outputs that answer the input role ``profiles``, further samples, where there is one or it is ``made``."""
    answer = {"profiled": "profiled.npz"} if profiles or made else {}
    return {"profiles": "profiles.npz"} | answer if made else answer


def hashed(**files: Content | None) -> dict[str, HashedPath]:
    """The inputs that there are, by role, each with its digest; a UsageError names one that can't be read."""
    try:
        return {
            role: HashedPath.of(given) if isinstance(given, Path) else given
            for role, given in files.items()
            if given is not None
        }
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror}", hint="check the path") from error


def as_json(specs: tuple[InputSpec, ...] | tuple[Frozen, ...]) -> list[dict[str, Any]]:
    return [spec.model_dump(mode="json") for spec in specs]
