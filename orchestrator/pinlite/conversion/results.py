"""The results of a conversion, before they are judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinlite.conversion.plan import Plan
from pinlite.conversion.sources import Lowered
from pinlite.digest import HashedPath
from pinlite.errors import PinliteError
from pinlite.schema.audit import Content
from pinlite.schema.choices import VariantName
from pinlite.schema.report import (
    Arena,
    CalibrationReport,
    EvaluationReport,
    Latency,
    Noted,
    Npu,
    OperatorSet,
    Quantization,
    StageRecord,
    Tensor,
    Warned,
)
from pinlite.stages.infer import InFile
from pinlite.store.output import LABELS
from pinlite.store.record import Record

if TYPE_CHECKING:
    from pinlite.parity import lost_channels


@dataclass(frozen=True)
class Calibrated:
    """The samples that integer variants take ranges from, and the ranges of the model's inputs on them."""

    samples: HashedPath
    ranges: "lost_channels.Ranges"
    report: CalibrationReport


@dataclass(frozen=True)
class Ran:
    """What a runtime made of a TFLite file: its ``outputs`` on the samples; ``wider`` those for another batch size,
    where the batch is open; ``profiled`` and ``evaluated`` those on the profiles and the samples that are scored,
    where there are some; ``latency`` where it was timed; how often it ran each operator; the ``emulator`` that the
    runtime ran in, "" for a processor.
    """

    outputs: HashedPath
    wider: HashedPath | None
    profiled: HashedPath | None
    evaluated: HashedPath | None
    latency: Latency | None
    ops: dict[str, int]
    emulator: str = ""


@dataclass(frozen=True)
class Variant:
    """One TFLite file, its ``operators`` as JSON, and what each runtime that ran it made of it, by the runtime's name.
    ``calibrated`` says that it
    took ranges from samples; ``audit`` is what was found in it, if it has integer operators. ``refused`` is the error
    of a runtime that the target requires, where others run it. ``arena`` is what the file needs
    on a device, and ``source`` a folder with the file in C++, where the target is one. ``of`` says which of the file's
    several signatures it is.
    """

    name: VariantName
    file: HashedPath
    operators: HashedPath
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    quantization: Quantization
    macs: int
    parameters: int
    select_tf: tuple[str, ...]
    calibrated: bool
    ran: Mapping[str, Ran]
    audit: Content | None
    refused: PinliteError | None
    arena: Arena | None = None
    source: HashedPath | None = None
    npu: Npu | None = None
    compiled: HashedPath | None = None
    of: InFile | None = None

    @property
    def ops(self) -> dict[str, int]:
        """How often each operator is in the file, as the last runtime tells it."""
        return [*self.ran.values()][-1].ops if self.ran else {}


@dataclass(frozen=True)
class Results:
    """All that a plan gave; ``programs`` are files by name that run the variants on a device, with what they read;
    ``failures`` are of those variants that could not be made, or that a runtime refuses.
    ``stages``, ``records``, ``versions``, ``warnings`` and ``notes`` are those of `pinlite.conversion.run.Run`.
    """

    plan: Plan
    lowered: Lowered
    calibration: Calibrated | None
    variants: tuple[Variant, ...]
    operators: HashedPath
    programs: Mapping[str, HashedPath]
    failures: Mapping[VariantName, PinliteError]
    comparisons: Mapping[VariantName, tuple[OperatorSet, ...]]
    evaluation: EvaluationReport | None
    stages: tuple[StageRecord, ...]
    records: tuple[Record, ...]
    versions: dict[str, dict[str, str]]
    warnings: tuple[Warned, ...]
    notes: tuple[Noted, ...]

    @property
    def artifacts(self) -> dict[str, tuple[str, HashedPath]]:
        """The files that are kept, by name, with their role."""
        graph = {file.path.name: ("graph", file) for file in self.lowered.computed("graph").values()}
        found = {**self.lowered.artifacts, **graph}
        if self.calibration:
            found[self.calibration.samples.path.name] = ("calibration", self.calibration.samples)
        found[self.operators.path.name] = ("operators", self.operators)
        found |= {name: ("example" if name != LABELS else "labels", file) for name, file in self.programs.items()}
        found |= {each.source.path.name: (f"source.{each.name}", each.source) for each in self.variants if each.source}
        found |= {
            each.compiled.path.name: (f"npu.{each.name}", each.compiled) for each in self.variants if each.compiled
        }
        return found | {each.file.path.name: (f"tflite.{each.name}", each.file) for each in self.variants}

    @property
    def emulators(self) -> dict[str, str]:
        """What took the place of a processor in images, by name."""
        names = {runtime.name: runtime.image for runtime in self.plan.toolchain.runtimes}
        found = (item for variant in self.variants for item in variant.ran.items())
        return {names[runtime]: ran.emulator for runtime, ran in found if ran.emulator}

    def are_one(self, *runtimes: str) -> bool:
        """Whether runtimes, which are given by their names, are one package and version, for several processors."""
        rows = [each for each in self.plan.toolchain.runtimes if each.name in runtimes]
        return len({(each.package, each.version) for each in rows}) == 1

    def requires(self, runtime: str) -> bool:
        """Whether files have to be right in a runtime, which is given by its name; what others make of them is told."""
        return any(each.name == runtime and self.plan.target.requires(each) for each in self.plan.toolchain.runtimes)
