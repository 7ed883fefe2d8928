"""In what the results of two conversions differ: what `pinlite report A B` finds."""

from typing import Literal

from pydantic import Field

from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen

FigureName = Literal["size", "macs", "parameters", "operators", "latency", "error", "accuracy"]


class Figure(Frozen):
    """A ``name`` in both results; ``of`` says in which runtime, or by which metric, where there are several. ``ratio``
    is that of ``after`` to ``before``, None where that is 0.

    size is in bytes, latency the median in milliseconds, error the largest relative difference from the reference,
    accuracy a score.
    """

    name: FigureName
    of: str
    before: float
    after: float
    ratio: float | None


class LayerChange(Frozen):
    """What a layer adds to the error of a variant, as shares of 1."""

    name: str
    before: float
    after: float


class VariantComparison(Frozen):
    """A variant of both, or one ``signature`` of a file that has several; ``operators`` are those that another number
    is there of, (before, after), and ``layers`` those that add more or less, where `pinlite debug` has looked at both.
    """

    name: VariantName
    same: bool
    figures: tuple[Figure, ...]
    operators: dict[str, tuple[int, int]]
    layers: tuple[LayerChange, ...]
    signature: str = ""


class ComparisonReport(Frozen):
    """Two results, ``before`` and ``after``; ``gone`` and ``new`` are variants of one alone, ``recipe`` has the options
    that have changed, as JSON, and ``images`` those that are others now.
    """

    report_schema: Literal["pinlite.comparison/1"] = Field("pinlite.comparison/1", alias="schema")
    before: str
    after: str
    variants: tuple[VariantComparison, ...]
    gone: tuple[VariantName, ...]
    new: tuple[VariantName, ...]
    recipe: dict[str, tuple[str, str]]
    images: tuple[str, ...]

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
