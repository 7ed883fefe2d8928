"""Judging what runtimes compute of profiles: samples that a stage makes to find faults, beside the seeded ones.

A net may turn some of them into rounding and nothing else: a softmax of huge numbers, a normalization of zeros. So that
a difference on a profile is taken for a fault only where it can be nothing else:

- it is beyond the tolerance, of what the output's largest magnitude is there or on the samples;
- it is beyond `MARGIN` times what onnxruntime differs from PyTorch there, and they don't differ by more than `LOOSE`.
  Where the source is no PyTorch model, beyond `MARGIN` times the tolerance;
- another runtime bears it out: it is nearer to the one that differs than that is to the reference, `MARGIN` times.

What else differs is told. Of a graph that chooses among values (`CHOOSING`), what PyTorch and onnxruntime choose of
equal ones in different ways is told, and all that follows from zeros, which are equal but for rounding; where nothing
says which of equal ones is taken (`UNORDERED`), all is told.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pinlite import parity
from pinlite.parity import Array, Arrays, Figures
from pinlite.schema.choices import VariantName
from pinlite.schema.report import Hop

ZEROS, LARGE = "zeros", "large"
MARGIN = 10
# What PyTorch and onnxruntime may differ where float32 has few digits left.
LOOSE = 1e-2

# TFLite's operators whose outcome depends on which of two numbers is the larger, by however little.
UNORDERED = frozenset({"NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5"})
CHOOSING = frozenset({"ARG_MAX", "ARG_MIN", "TOPK_V2", "UNIQUE"}) | UNORDERED


@dataclass(frozen=True)
class Computed:
    """What a runtime made of the samples, and of the profiles that it ran, by name."""

    runtime: str
    variant: VariantName | None
    samples: Arrays
    profiles: Mapping[str, Arrays]


@dataclass(frozen=True)
class Judge:
    """``reference`` is what all are compared with, ``second`` onnxruntime where that is PyTorch; ``peers`` are all
    others that compute in floats; ``operators`` are those of the TFLite files.
    """

    reference: Computed
    second: Computed | None
    peers: Sequence[Computed]
    operators: Collection[str]

    @property
    def chooses(self) -> bool:
        return not CHOOSING.isdisjoint(self.operators)

    def hops(self, tolerances: Mapping[VariantName | None, float | None]) -> Iterator[Hop]:
        """Of all peers, by what their variant may differ."""
        for other in self.peers:
            for profile, outputs in self.reference.profiles.items():
                if profile in other.profiles:
                    tolerance = tolerances[other.variant]
                    yield from (self._hop(other, profile, name, tolerance) for name in self._judged(outputs))

    def told(self, other: Computed) -> Iterator[Hop]:
        """Of a runtime of integers, which are not judged: one step may be blown up, where a net divides."""
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
        """Whether an output is one that rounded weights change by little."""
        exact = self.reference.profiles[profile][name].dtype.kind != "f"
        return profile not in (ZEROS, LARGE) and not exact and not self.chooses

    def _borne_out(self, other: Computed, profile: str, name: str, found: Figures | None) -> bool:
        """Whether another runtime computes the same as this one, and not as the reference."""
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
    """What a stage wrote of profiles, [profile][name]; a StageCrashError when it wrote something else."""
    return split(parity.read(path, empty=True))


def split(named: Arrays) -> dict[str, dict[str, Array]]:
    """Arrays named profile/name by the one and the other; a name may have strokes of its own."""
    found: dict[str, dict[str, Array]] = {}
    for name, array in named.items():
        profile, _, key = name.partition("/")
        found.setdefault(profile, {})[key] = array
    return found


def finite(outputs: Arrays) -> list[str]:
    """The names of the outputs that hold finite numbers only."""
    return [name for name, array in outputs.items() if np.isfinite(array).all()]


def _distance(found: Figures | None) -> float:
    """The relative difference, infinite where there is none that could be told."""
    return float("inf") if found is None or found.relative is None else found.relative
