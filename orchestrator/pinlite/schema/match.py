"""Which toolchains make a file of a source: what `pinlite match` finds."""

from typing import Literal

from pydantic import Field

from pinlite.schema.choices import Lowering
from pinlite.schema.frozen import Frozen


class Candidate(Frozen):
    """What a toolchain and a lowering made of the model of a file: its very bytes (``same``), another file, of which
    ``summary`` says how it differs, or none (``refusal``). The nearer, the smaller its ``distance``.
    """

    toolchain: str
    lowering: Lowering
    same: bool = False
    distance: float | None = None
    summary: str = ""
    refusal: str = ""


class MatchReport(Frozen):
    """Which toolchains make a file of a source: the candidates, the nearest first."""

    report_schema: Literal["pinlite.match/1"] = Field("pinlite.match/1", alias="schema")
    file: str
    sha256: str
    source: str
    candidates: tuple[Candidate, ...]

    @property
    def found(self) -> bool:
        return any(candidate.same for candidate in self.candidates)

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
