"""Operators that TFLite's runtimes are known to compute wrongly in valid files: ``runtime_faults.toml``."""

import functools
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinlite.auditing.operator_versions import parts
from pinlite.schema.audit import Content
from pinlite.schema.report import Quantization

_TABLE = Path(__file__).with_suffix(".toml")

# The packages that have the versions of each kind.
PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tflite-runtime"),
    "ai-edge-litert": ("ai-edge-litert",),
}


@dataclass(frozen=True)
class Versions:
    """``packages`` are wrong from version ``since`` on and before ``right``, which is empty where there is none yet."""

    packages: tuple[str, ...]
    since: str
    right: str

    def have(self, package: str, version: str) -> bool:
        if package not in self.packages or parts(version) < parts(self.since):
            return False
        return not self.right or parts(version) < parts(self.right)


@dataclass(frozen=True)
class Fault:
    """The fault of an operator of a ``kind`` with ``options``, which gives a ``type``: ``what`` runtimes of some
    ``versions`` compute. ``forms`` is a pattern of those forms in tests/kernels that show it.
    """

    kind: str
    options: frozenset[str]
    type: str
    forms: str
    what: str
    versions: tuple[Versions, ...]

    @property
    def operator(self) -> str:
        return " ".join((self.kind, *sorted(self.options)))

    def of(self, runtime: str) -> Versions | None:
        """The versions that a runtime, as reports name it, is among."""
        package, _, version = runtime.partition(" ")
        return next((each for each in self.versions if each.have(package, version.partition(" ")[0])), None)

    def is_in(self, operators: Mapping[str, Mapping[str, int]]) -> bool:
        """Whether there is such an operator; ``operators`` are counts by name, with options behind it, and type."""
        return any(
            kind == self.kind and self.options <= set(options) and self.type in types
            for name, types in operators.items()
            for kind, *options in [name.split()]
        )

    def words(self, runtime: str) -> str:
        found = self.of(runtime)
        right = (
            f"Runtimes are right from {found.right} on: run the file in one of these" if found and found.right else ""
        )
        return (
            f"{runtime} computes {self.operator} of {self.type} wrongly: {self.what}. "
            f"{right or 'No version of it is known to be right: use another runtime'}, or leave the variant out"
        )


def operators(found: Content) -> Mapping[str, Mapping[str, int]]:
    """How often a file has an operator of a type, by its name with options behind it, as an audit has found them."""
    counts: dict[str, Counter[str]] = {}
    for each in found.operators:
        counts.setdefault(f"{each.kind} {each.options}".strip(), Counter())[each.type] += each.count
    return counts


def of_file(audit: Content | None, quantization: Quantization) -> Mapping[str, Mapping[str, int]]:
    """The same of a file that a run has made; as its converter counts them, almost without options, where it could not
    be audited.
    """
    return operators(audit) if audit else quantization.integer_operators


def known(runtime: str, operators: Mapping[str, Mapping[str, int]]) -> Iterator[Fault]:
    """The faults that a runtime, as reports name it, has with operators, counted by name and type."""
    yield from (fault for fault in among(operators) if fault.of(runtime))


def among(operators: Mapping[str, Mapping[str, int]]) -> Iterator[Fault]:
    """The faults of any runtime with such operators."""
    return (fault for fault in faults() if fault.is_in(operators))


@functools.cache
def faults() -> tuple[Fault, ...]:
    return tuple(map(_fault, tomllib.loads(_TABLE.read_text())["fault"]))


def _fault(row: dict[str, Any]) -> Fault:
    kind, *options = row["operator"].split()
    versions = [Versions(packages, *row[name]) for name, packages in PACKAGES.items() if name in row]
    return Fault(kind, frozenset(options), row["type"], row["forms"], row["what"], tuple(versions))
