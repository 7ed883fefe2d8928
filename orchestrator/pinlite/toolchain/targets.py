"""Targets: the oldest runtime in which a file must run."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import ConfigDict

from pinlite.machine import folders
from pinlite.schema.choices import TargetFeature, VariantName
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import files
from pinlite.toolchain.runtimes import Runtime, RuntimeRow

# The variants that not every runtime can run, and what a target has to have for them.
NEEDS: Mapping[VariantName, TargetFeature] = MappingProxyType(
    {"weight-int8": "dequantize-channels", "weight-int4": "int4", "dynamic-int4": "int4"}
)


class TargetRow(Frozen):
    """A row of ``images/targets.toml``, or of the table ``targets`` in a toolchain's file; `Target` says what its keys
    mean.
    """

    description: str
    since: Mapping[str, str]
    has: tuple[TargetFeature, ...] = ()
    variants: tuple[VariantName, ...] = ()
    runtimes: tuple[RuntimeRow, ...] = ()


class _TargetsFile(Frozen):
    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, TargetRow]


@dataclass(frozen=True)
class Target:
    """``since`` has, by package, the first version of a runtime that has to pass; ``has`` what all of these have
    beyond TensorFlow 2.4, so that files may use it. ``variants`` are all that they can run, the usual one first, where
    a device is particular; ``runtimes`` are rows of runtimes that no toolchain has, and the target brings.
    """

    name: str
    description: str
    since: Mapping[str, str]
    has: tuple[TargetFeature, ...]
    variants: tuple[VariantName, ...] = ()
    runtimes: tuple[RuntimeRow, ...] = ()

    def takes(self, variant: VariantName) -> bool:
        """Whether the target's runtimes can run a variant."""
        if self.variants:
            return variant in self.variants
        return variant not in NEEDS or NEEDS[variant] in self.has

    def requires(self, runtime: Runtime) -> bool:
        """Whether the file must run in a runtime, and compute right; the results of others are only reported."""
        first = self.since.get(runtime.package)
        return first is not None and _parts(runtime.version) >= _parts(first)

    def is_proven_by(self, runtime: Runtime) -> bool:
        """Whether a runtime is one of the oldest that the target names."""
        first = _parts(self.since.get(runtime.package, ""))
        return bool(first) and _parts(runtime.version)[: len(first)] == first


def load() -> dict[str, Target]:
    """The targets that pinlite knows, by name."""
    return of(files.read(folders.IMAGES / "targets.toml", _TargetsFile).__pydantic_extra__)


def of(rows: Mapping[str, TargetRow]) -> dict[str, Target]:
    return {
        name: Target(name, row.description, row.since, row.has, row.variants, row.runtimes)
        for name, row in rows.items()
    }


def _parts(version: str) -> tuple[int, ...]:
    """The numbers of a release, without suffixes like rc1 and +cpu."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
