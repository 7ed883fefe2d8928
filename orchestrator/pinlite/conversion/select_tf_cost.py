"""What TensorFlow's operators in a TFLite file (Select-TF) cost, beside what TFLite's own make of the same model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pinlite import digest
from pinlite.conversion.results import Variant
from pinlite.errors import PinliteError
from pinlite.runner.execute import Done, ResultT
from pinlite.schema.recipe import Recipe
from pinlite.schema.report import OperatorSet, RuntimeSize
from pinlite.stages import convert, infer, measure, translate
from pinlite.stages.stage import Action, of_variant
from pinlite.toolchain import Runtime

# Enough to tell integers from floats in kernels that take a hundred times as long.
_RUNS_OF_SLOW_KERNELS = 5


class Do(Protocol):
    """What asks a stage."""

    def __call__(self, action: Action, result: type[ResultT]) -> Done[ResultT]: ...


@dataclass(frozen=True)
class Both:
    """A runtime with TFLite's own operators alone, and one that has TensorFlow's too."""

    builtin: Runtime
    select_tf: Runtime


def runtimes(rows: Sequence[Runtime]) -> Both | None:
    """The first of each kind; None where one of them is missing."""
    kinds = [[row for row in rows if row.select_tf is has_both][:1] for has_both in (False, True)]
    return Both(*(row for found in kinds for row in found)) if all(kinds) else None


@dataclass(frozen=True)
class Comparison:
    do: Do
    recipe: Recipe
    both: Both
    saved_model: Path
    samples: Path
    signature: translate.Result

    def sizes(self) -> tuple[RuntimeSize, RuntimeSize]:
        """Of the two runtimes."""
        builtin, select_tf = (
            self.do(measure.action(runtime), measure.Result).result
            for runtime in (self.both.builtin, self.both.select_tf)
        )
        return builtin, select_tf

    def of(
        self, variant: Variant, file: Path, calibrated: Path | None, sizes: tuple[RuntimeSize, RuntimeSize]
    ) -> Iterator[OperatorSet]:
        """The two sets of operators, each timed in the runtime that has both.

        ``file`` is the variant's, ``calibrated`` what it was calibrated on.
        """
        builtin, select_tf = sizes
        plain = self.recipe.model_copy(update={"ops": "builtin"})
        action = convert.action(plain, variant.name, self.saved_model, self.signature, calibrated)
        alone = OperatorSet(ops="builtin", runtime=builtin)
        try:
            made = self.do(_named(action, "builtin"), convert.Result)
            alone = self._timed(alone, variant, made.outputs["model"])
        except PinliteError as error:
            alone = alone.model_copy(update={"refusal": error.message})
        yield alone
        yield self._timed(OperatorSet(ops="select-tf", runtime=select_tf), variant, file)

    def _timed(self, found: OperatorSet, variant: Variant, file: Path) -> OperatorSet:
        runs = infer.runs(self.both.select_tf, variant.name) or _RUNS_OF_SLOW_KERNELS
        stage = of_variant(infer.stage(self.both.select_tf), variant.name)
        action = infer.action(stage, file, self.samples, variant, runs=runs)
        latency = self.do(_named(action, f"of-{found.ops}"), infer.Result).result.latency_ms
        figures = {"size": file.stat().st_size, "sha256": digest.of_path(file), "latency_ms": latency}
        return found.model_copy(update=figures)


def _named(action: Action, ending: str) -> Action:
    return replace(action, stage=replace(action.stage, name=f"{action.stage.name}-{ending}"))
