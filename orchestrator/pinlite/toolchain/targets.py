"""Targets: the oldest runtime in which a file must run."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from pinlite.errors import UsageError
from pinlite.machine import folders
from pinlite.schema.choices import TargetFeature, VariantName
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import files
from pinlite.toolchain.runtimes import Runtime, RuntimeRow

# The variants that not every runtime can run, and what a target has to have for them.
NEEDS: Mapping[VariantName, TargetFeature] = MappingProxyType(
    {"weight-int8": "dequantize-channels", "weight-int4": "int4", "dynamic-int4": "int4"}
)


class Compiler(Frozen):
    """What compiles files for an ``accelerator`` beside the processor: the ``program`` of an ``image``."""

    image: str
    program: str
    accelerator: str


class TargetRow(Frozen):
    """A row of ``images/targets.toml``, or of the table ``targets`` in a toolchain's file; `Target` says what its keys
    mean.
    """

    description: str
    like: str = ""
    since: Mapping[str, str] = Field(default_factory=dict)
    has: tuple[TargetFeature, ...] = ()
    signatures: bool = False
    variants: tuple[VariantName, ...] = ()
    runtimes: tuple[RuntimeRow, ...] = ()
    compiler: Compiler | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.since and not self.like:
            raise ValueError("it asks for no runtime: give since, or like")
        return self


class _TargetsFile(Frozen):
    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, TargetRow]


@dataclass(frozen=True)
class Target:
    """``since`` has, by package, the first version of a runtime that has to pass; ``has`` what all of these have
    beyond TensorFlow 2.4, so that files may use it. ``signatures`` says that they run any of a file's signatures, not
    the first alone. ``variants`` are all that they can run, the usual one first, where
    a device is particular; ``runtimes`` are rows of runtimes that no toolchain has, and the target brings;
    ``compiler`` is what a file goes through once more, for an accelerator.
    """

    name: str
    description: str
    since: Mapping[str, str]
    has: tuple[TargetFeature, ...]
    signatures: bool = False
    variants: tuple[VariantName, ...] = ()
    runtimes: tuple[RuntimeRow, ...] = ()
    compiler: Compiler | None = None

    @property
    def images(self) -> tuple[str, ...]:
        """The images that it brings."""
        return (*(row.image for row in self.runtimes), *([self.compiler.image] if self.compiler else []))

    def takes(self, variant: VariantName) -> bool:
        """Whether the target's runtimes can run a variant."""
        if self.variants:
            return variant in self.variants
        return variant not in NEEDS or NEEDS[variant] in self.has

    def requires(self, runtime: Runtime) -> bool:
        """Whether the file must run in a runtime, and compute right; the results of others are only reported."""
        if runtime.added:
            return True
        first = self.since.get(runtime.package)
        return first is not None and _parts(runtime.version) >= _parts(first)

    def is_proven_by(self, runtime: Runtime) -> bool:
        """Whether a runtime is one of the oldest that the target names."""
        first = _parts(self.since.get(runtime.package, ""))
        return bool(first) and _parts(runtime.version)[: len(first)] == first


_NOTHING = Target("", "", MappingProxyType({}), ())
_NONE: Mapping[str, Target] = MappingProxyType({})


def load() -> dict[str, Target]:
    """The targets that pinlite knows, by name."""
    return of(files.read(folders.IMAGES / "targets.toml", _TargetsFile).__pydantic_extra__)


def of(rows: Mapping[str, TargetRow], known: Mapping[str, Target] = _NONE) -> dict[str, Target]:
    """The targets of rows by name; a UsageError if one is like a target that is not `known`, nor stands before it."""
    found: dict[str, Target] = {}
    for name, row in rows.items():
        there = {**known, **found}
        if row.like and row.like not in there:
            raise UsageError(f"the target {name} is like {row.like!r}", hint="name a target that stands before it")
        said = {key: getattr(row, key) for key in row.model_fields_set - {"like"}}
        found[name] = replace(there.get(row.like, _NOTHING), name=name, **said)
    return found


def images(known: Mapping[str, Target]) -> tuple[str, ...]:
    """The images that targets bring, each once."""
    found = [name for target in known.values() for name in target.images]
    return tuple(dict.fromkeys(found))


def _parts(version: str) -> tuple[int, ...]:
    """The numbers of a release, without suffixes like rc1 and +cpu."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
