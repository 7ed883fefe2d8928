"""What is true of a TFLite file, whoever made it: what `pinlite audit` finds."""

from typing import Literal

from pydantic import Field

from pinlite.schema.choices import FindingKind
from pinlite.schema.diff import ComparedFile
from pinlite.schema.frozen import Frozen


class Finding(Frozen):
    """``what`` is the matter with ``where``: an operator with its place in the file, and which of its tensors it is;
    ``tensor`` is that one's name. What is not ``wrong`` is only told.
    """

    kind: FindingKind
    where: str
    what: str
    tensor: str
    wrong: bool


class Off(Frozen):
    """An integer operator that is not exact. Its output is at most ``steps`` of its scale away from the integer that is
    nearest to the real number, and differs from it in a ``share`` of its values; ``allowed`` are right.
    """

    where: str
    tensor: str
    type: str
    steps: int = Field(ge=0)
    allowed: int = Field(ge=0)
    share: float = Field(ge=0, le=1, allow_inf_nan=False)


class Computed(Frozen):
    """How many operators compute in integers and were ``checked``, could not be (``unchecked``), or compute in
    ``floats``, by their kind.
    """

    checked: dict[str, int]
    unchecked: dict[str, int]
    floats: dict[str, int]
    off: tuple[Off, ...]


class CountedOperator(Frozen):
    """How often a file has an operator in a version, with a type of outputs and options that kernels differ by."""

    kind: str
    version: int
    type: str
    options: str
    count: int = Field(ge=1)


class Content(Frozen):
    """What is found in a file by itself. ``counts`` says how many findings there are of each kind, ``wrong`` how many
    of all are so; a million of them are too many to be listed. ``computed`` is None where the file was not run, for the
    reason that ``not_run`` gives.
    """

    findings: tuple[Finding, ...]
    counts: dict[FindingKind, int]
    wrong: int = Field(ge=0)
    operators: tuple[CountedOperator, ...]
    computed: Computed | None
    not_run: str


class Need(Frozen):
    """An operator that runtimes have from a ``release`` of TensorFlow on, in the version that the file asks for."""

    operator: str
    version: int
    release: str


class KnownFault(Frozen):
    """``packages`` compute an operator of a type wrongly, as ``what`` says, from version ``since`` on and before
    ``right``, which is empty where there is no such version yet.
    """

    operator: str
    type: str
    packages: tuple[str, ...]
    since: str
    right: str
    what: str


class AuditReport(Frozen):
    """A TFLite file audited. ``runtime`` ran it; ``least`` is the oldest release of TensorFlow that has all of its
    operators, ``needs`` are those for which it can't be older. ``failures`` say why the file does not pass, for the
    runtimes that were ``asked`` for.
    """

    report_schema: Literal["pinlite.audit/1"] = Field("pinlite.audit/1", alias="schema")
    file: ComparedFile
    runtime: str
    found: Content
    least: str
    needs: tuple[Need, ...]
    faults: tuple[KnownFault, ...]
    asked: tuple[str, ...]
    failures: tuple[str, ...]

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
