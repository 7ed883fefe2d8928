"""In what two TFLite files differ: what `pinlite diff` finds."""

from collections import Counter
from typing import Literal, Self

from pydantic import Field, model_validator

from pinlite.schema.choices import DifferenceKind, Relation
from pinlite.schema.frozen import Frozen


class Total(Frozen):
    """How many there are, and how many of them differ."""

    total: int = Field(ge=0)
    differing: int = Field(ge=0)


class Related(Frozen):
    """How two constants are related: of ``values``, how many are ``differing``.

    ``permuted``: the same values, with the first one's ``axes`` in this order; ``reordered``: in an order of no axes;
    ``within a step``: of the quantization, or of rounding to the coarser float. ``largest`` is the largest difference
    of the numbers that they stand for, ``magnitude`` the largest of these; None where there is none that is finite.
    """

    relation: Relation
    values: int = Field(ge=0)
    differing: int = Field(ge=0)
    largest: float | None = Field(ge=0, allow_inf_nan=False)
    magnitude: float | None = Field(ge=0, allow_inf_nan=False)
    axes: tuple[int, ...]


class Difference(Frozen):
    """``what`` of ``where`` is ``ours`` in the first file and ``theirs`` in the other, in words; each may be empty.

    ``where`` is an operator with its place in both files (``CONV_2D 5/6``, or one number for both), and which of its
    tensors; ``tensor`` is that one's name in the first file.
    """

    kind: DifferenceKind
    where: str
    what: str
    ours: str
    theirs: str
    tensor: str
    weights: Related | None


class Differences(Frozen):
    """In what two TFLite files differ. ``distance`` is 0 for the same bytes and at most 1; less is nearer.

    ``operators``, ``tensors`` and ``names`` are counted in pairs; of the first two, what one file has alone counts as
    differing. ``weights`` says how many pairs of constants are related how, ``counts`` how many differences of each
    kind there are; a million of them are too many to be listed.
    """

    distance: float = Field(ge=0, le=1, allow_inf_nan=False)
    operators: Total
    tensors: Total
    names: Total
    weights: dict[Relation, int]
    counts: dict[DifferenceKind, int]
    differences: tuple[Difference, ...]

    @model_validator(mode="after")
    def _counted(self) -> Self:
        """None is listed that is not counted."""
        listed = Counter(difference.kind for difference in self.differences)
        if any(number > self.counts.get(kind, 0) for kind, number in listed.items()):
            raise ValueError("more differences are listed than counted")
        return self


class ComparedFile(Frozen):
    path: str
    size: int
    sha256: str


class OutputDifference(Frozen):
    """How far an output of the other file is from the first's on samples, as a `Hop` has it."""

    output: str
    max_abs_error: float | None
    max_rel_error: float | None
    cosine: float | None


class DiffReport(Frozen):
    """Two TFLite files compared. ``found`` is None where they are the same bytes.

    ``outputs`` are those on samples, None where none were given, or the other file can't be run on them, as
    ``outputs_left_out`` says.
    """

    report_schema: Literal["pinlite.diff/1"] = Field("pinlite.diff/1", alias="schema")
    one: ComparedFile
    other: ComparedFile
    summary: str
    found: Differences | None
    outputs: tuple[OutputDifference, ...] | None = None
    outputs_left_out: str = ""

    @property
    def distance(self) -> float:
        return self.found.distance if self.found else 0.0

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
