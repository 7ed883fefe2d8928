"""What TensorFlow's operators in a TFLite file (Select-TF) cost, beside what TFLite's own make of the same model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pinlite import digest
from pinlite.errors import PinliteError
from pinlite.execute import Done, ResultT
from pinlite.recipe import Recipe
from pinlite.report import OperatorSet, RuntimeSize
from pinlite.results import Variant
from pinlite.stages import convert, infer, measure, translate
from pinlite.stages.stage import Action, of_variant

# Enough to tell integers from floats in kernels that take a hundred times as long.
_RUNS_OF_SLOW_KERNELS = 5


class Do(Protocol):
    """What asks a stage."""

    def __call__(self, action: Action, result: type[ResultT]) -> Done[ResultT]: ...


@dataclass(frozen=True)
class Comparison:
    do: Do
    recipe: Recipe
    saved_model: Path
    samples: Path
    signature: translate.Result

    def runtimes(self) -> tuple[RuntimeSize, RuntimeSize]:
        """The runtime that TFLite's own operators need, and the one that TensorFlow's need too."""
        builtin, select_tf = (
            self.do(measure.action(stage), measure.Result).result for stage in (measure.BUILTIN, measure.SELECT_TF)
        )
        return builtin, select_tf

    def of(
        self, variant: Variant, file: Path, calibrated: Path | None, runtimes: tuple[RuntimeSize, RuntimeSize]
    ) -> Iterator[OperatorSet]:
        """The two sets of operators, each timed in the runtime that has both.

        ``file`` is the variant's, ``calibrated`` what it was calibrated on.
        """
        builtin, select_tf = runtimes
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
        runs = infer.runs(infer.OLDEST, variant.name) or _RUNS_OF_SLOW_KERNELS
        action = infer.action(of_variant(infer.OLDEST, variant.name), file, self.samples, variant, runs=runs)
        latency = self.do(_named(action, f"of-{found.ops}"), infer.Result).result.latency_ms
        figures = {"size": file.stat().st_size, "sha256": digest.of_path(file), "latency_ms": latency}
        return found.model_copy(update=figures)


def _named(action: Action, ending: str) -> Action:
    return replace(action, stage=replace(action.stage, name=f"{action.stage.name}-{ending}"))
