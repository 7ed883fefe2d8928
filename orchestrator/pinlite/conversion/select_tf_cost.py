"""The cost of TensorFlow's operators in a TFLite file (Select-TF), compared with TFLite's own operators."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pinlite.conversion.results import Variant
from pinlite.conversion.run import Run
from pinlite.conversion.sources import Lowered
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.schema.report import OperatorSet, RuntimeSize
from pinlite.stages import convert, measure, timing
from pinlite.stages.stage import Action, ResultT, of_variant
from pinlite.toolchain import Runtime

# Enough to tell integers from floats in kernels that take a hundred times as long.
_RUNS_OF_SLOW_KERNELS = 5


@dataclass(frozen=True)
class Both:
    """A runtime with TFLite's own operators alone, and one that has TensorFlow's too."""

    builtin: Runtime
    select_tf: Runtime


def runtimes(rows: Sequence[Runtime]) -> Both | None:
    """The first of each kind that is not added; None where one of them is missing."""
    own = [row for row in rows if not row.added]
    kinds = [[row for row in own if row.select_tf is has_both][:1] for has_both in (False, True)]
    return Both(*(row for found in kinds for row in found)) if all(kinds) else None


@dataclass(frozen=True)
class Comparison:
    """Asked of the stages of a run, once for all of its variants."""

    run: Run
    both: Both
    lowered: Lowered

    def sizes(self) -> tuple[RuntimeSize, RuntimeSize]:
        """Of the two runtimes."""
        builtin, select_tf = (
            self.run.do(measure.action(runtime)).result for runtime in (self.both.builtin, self.both.select_tf)
        )
        return builtin, select_tf

    def of(
        self, variant: Variant, calibrated: HashedPath | None, sizes: tuple[RuntimeSize, RuntimeSize]
    ) -> Iterator[OperatorSet]:
        """The two sets of operators, each timed in the runtime that has both.

        ``calibrated`` is what the variant was calibrated on.
        """
        builtin, select_tf = sizes
        plain = self.run.recipe.model_copy(update={"ops": "builtin"})
        asked = self.lowered.saved_model, self.lowered.signature, calibrated, self.lowered.modules
        action = convert.action(plain, self.run.plan.target, variant.name, *asked)
        yield self._timed(
            OperatorSet(ops="builtin", runtime=builtin),
            variant,
            lambda: self.run.do(_named(action, "builtin")).outputs["model"],
        )
        yield self._timed(OperatorSet(ops="select-tf", runtime=select_tf), variant, lambda: variant.file)

    def _timed(self, found: OperatorSet, variant: Variant, make: Callable[[], HashedPath]) -> OperatorSet:
        """With the figures of a file; a file that can't be made or run costs no more than its row."""
        try:
            return self._figures(found, variant, make())
        except PinliteError as error:
            return found.model_copy(update={"refusal": error.message})

    def _figures(self, found: OperatorSet, variant: Variant, file: HashedPath) -> OperatorSet:
        most = timing.runs(self.both.select_tf, variant.name) or _RUNS_OF_SLOW_KERNELS
        stage = of_variant(timing.stage(self.both.select_tf), variant.name)
        action = timing.action(stage, file, self.lowered.samples, variant, most=most)
        latency = self.run.do(_named(action, f"of-{found.ops}")).result.latency_ms
        figures = {"size": file.path.stat().st_size, "sha256": file.sha256, "latency_ms": latency}
        return found.model_copy(update=figures)


def _named(action: Action[ResultT], ending: str) -> Action[ResultT]:
    return replace(action, stage=replace(action.stage, name=f"{action.stage.name}-{ending}"))
