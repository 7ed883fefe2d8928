"""Judging outputs on profiles: samples that a stage makes to find faults, beside the seeded ones.

A network may turn a profile into nothing but rounding: a softmax of huge numbers, a normalization of zeros. So a
difference on a profile counts as a fault only if it can't be anything else:

- it is beyond the tolerance, as a part of the output's largest magnitude on the profile or on the samples;
- it is beyond `MARGIN` times the difference of onnxruntime from PyTorch on the profile, and these don't differ by more
  than `LOOSE`. If the source is not a PyTorch model, it is beyond `MARGIN` times the tolerance;
- another runtime confirms it: that one is `MARGIN` times nearer to the differing runtime than this is to the reference.

Every other difference is reported, not judged. If a graph chooses among values (`CHOOSING`), PyTorch and onnxruntime
may choose differently among equal ones: those outputs are reported, and so are all on zeros, which are equal but for
rounding. If no rule says which of equal values is chosen (`UNORDERED`), everything is reported.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pinlite import parity
from pinlite.parity import Array, Arrays, Figures
from pinlite.schema.choices import VariantName
from pinlite.schema.report import Hop

NORMAL, ZEROS, LARGE = "normal", "zeros", "large"
MARGIN = 10
# How far PyTorch and onnxruntime may differ where float32 has few digits left.
LOOSE = 1e-2

# TFLite's operators whose result depends on which of two numbers is larger, however little they differ.
UNORDERED = frozenset({"NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"})
CHOOSING = frozenset({"ARG_MAX", "ARG_MIN", "TOPK_V2", "UNIQUE"}) | UNORDERED


@dataclass(frozen=True)
class Computed:
    """The outputs of a runtime on the samples, and on the profiles that it ran, by name."""

    runtime: str
    variant: VariantName | None
    samples: Arrays
    profiles: Mapping[str, Arrays]


@dataclass(frozen=True)
class Judge:
    """Judges runtimes on profiles. All are compared with ``reference``; ``second`` is onnxruntime if the reference is
    PyTorch; ``peers`` are all others that compute in floats; ``operators`` are those of the TFLite files.
    """

    reference: Computed
    second: Computed | None
    peers: Sequence[Computed]
    operators: Collection[str]

    @property
    def chooses(self) -> bool:
        return not CHOOSING.isdisjoint(self.operators)

    def hops(self, tolerances: Mapping[VariantName | None, float | None]) -> Iterator[Hop]:
        """The hops of all peers, judged by the tolerance of their variant."""
        for other in self.peers:
            for profile, outputs in self.reference.profiles.items():
                if profile in other.profiles:
                    tolerance = tolerances[other.variant]
                    yield from (self._hop(other, profile, name, tolerance) for name in self._judged(outputs))

    def told(self, other: Computed) -> Iterator[Hop]:
        """The hops of a runtime with integers, not judged: a network that divides may enlarge one step to anything."""
        for profile, outputs in self.reference.profiles.items():
            if profile in other.profiles:
                for name in self._judged(outputs):
                    yield self._made(other, profile, name, self._figures(other, profile, name), None)

    def _judged(self, outputs: Arrays) -> list[str]:
        return [name for name in finite(outputs) if name in self.reference.samples]

    def _hop(self, other: Computed, profile: str, name: str, tolerance: float | None) -> Hop:
        found = self._figures(other, profile, name)
        bound = self._bound(other, profile, name, tolerance)
        if bound is not None and _distance(found) > bound and not self._borne_out(other, profile, name, found):
            bound = None
        return self._made(other, profile, name, found, bound)

    def _bound(self, other: Computed, profile: str, name: str, tolerance: float | None) -> float | None:
        if tolerance is None or (self.chooses and profile == ZEROS) or not UNORDERED.isdisjoint(self.operators):
            return None
        if other.variant == "float16" and not self._holds_in_half(profile, name):
            return None
        if self.second is None:
            return MARGIN * tolerance
        if other is self.second:
            return None if self.chooses else max(LOOSE, tolerance)
        if profile not in self.second.profiles:
            return None
        noise = _distance(self._figures(self.second, profile, name))
        exact = self.reference.profiles[profile][name].dtype.kind != "f"
        return None if noise > (0.0 if exact else LOOSE) else max(tolerance, MARGIN * noise)

    def _holds_in_half(self, profile: str, name: str) -> bool:
        """Whether rounding the weights to float16 changes an output only a little."""
        exact = self.reference.profiles[profile][name].dtype.kind != "f"
        return profile not in (ZEROS, LARGE) and not exact and not self.chooses

    def _borne_out(self, other: Computed, profile: str, name: str, found: Figures | None) -> bool:
        """Whether another runtime computes the same as this one, and differs from the reference."""
        own = other.profiles[profile].get(name)
        if own is None:
            return True
        third = (
            peer.profiles[profile].get(name) for peer in self.peers if peer is not other and profile in peer.profiles
        )
        between = (parity.figures(own, array, self._least(name)) for array in third)
        return any(MARGIN * _distance(each) < _distance(found) for each in between)

    def _figures(self, other: Computed, profile: str, name: str) -> Figures | None:
        return parity.figures(
            self.reference.profiles[profile][name], other.profiles[profile].get(name), self._least(name)
        )

    def _least(self, name: str) -> float:
        array = self.reference.samples[name].astype(np.float64)
        return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))

    def _made(self, other: Computed, profile: str, name: str, found: Figures | None, tolerance: float | None) -> Hop:
        return parity.hop(self.reference.runtime, other.runtime, other.variant, name, found, tolerance, profile)


def read(path: Path) -> dict[str, dict[str, Array]]:
    """The outputs on profiles that a stage wrote, [profile][name]; a StageCrashError if it wrote something else."""
    return split(parity.read(path, empty=True))


def split(named: Arrays) -> dict[str, dict[str, Array]]:
    """Arrays named profile/name, by profile and name; a name may contain slashes."""
    found: dict[str, dict[str, Array]] = {}
    for name, array in named.items():
        profile, _, key = name.partition("/")
        found.setdefault(profile, {})[key] = array
    return found


def finite(outputs: Arrays) -> list[str]:
    """The names of the outputs that have only finite numbers."""
    return [name for name, array in outputs.items() if np.isfinite(array).all()]


def _distance(found: Figures | None) -> float:
    """The relative difference; infinite if the outputs can't be compared."""
    return float("inf") if found is None or found.relative is None else found.relative
