"""What became of many conversions: batch.json."""

from typing import Literal

from pydantic import Field

from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen

# right: what `pinlite convert` ends with status 0 for; wrong: its folder is written, but it ends with another status;
# failed: nothing was written; not run: the batch ended before.
ModelState = Literal["right", "wrong", "failed", "not run"]


class MadeFile(Frozen):
    """A TFLite file of a model: ``path`` is below the model's folder, ``size`` in bytes, ``error`` the largest
    difference from the reference in any runtime that the target wants it right in, over the largest output (None where
    one can't be told), ``latency_ms`` the median of the runtime that was fastest.
    """

    variant: VariantName
    path: str
    sha256: str
    size: int
    error: float | None
    latency_ms: float | None


class ModelResult(Frozen):
    """What became of a model: ``folder`` is below that of the batch. ``kept`` says that its result was in the store.

    ``seconds`` are those of its conversion, by ``worker`` where a cluster had it done. What `pinlite convert` would end
    with is ``code``, ``exit_status``, ``stage``, ``message`` and ``hint``; "" and 0 where the model is right.
    """

    name: str
    source: str
    folder: str
    state: ModelState
    kept: bool = False
    seconds: float = 0.0
    worker: str = ""
    code: str = ""
    exit_status: int = 0
    stage: str = ""
    message: str = ""
    hint: str = ""
    warnings: int = 0
    files: tuple[MadeFile, ...] = ()


class BatchReport(Frozen):
    """What came of a batch; ``batch.json`` is this object. ``date`` is when it began, of UTC; ``shard`` is that of
    ``--shard``, "" where all models were asked for; ``jobs`` is 0 where a scheduler says how many are converted at a
    time; ``models`` are in the order in which they were given.
    """

    report_schema: Literal["pinlite.batch/1"] = Field("pinlite.batch/1", alias="schema")
    pinlite: str
    date: str
    seconds: float
    jobs: int
    shard: str = ""
    models: tuple[ModelResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every model is right."""
        return all(model.state == "right" for model in self.models)

    def to_json(self) -> str:
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
