"""A model as pinlite converts it beside the same as onnx2tf does: what was measured, and what it comes to."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Ours over theirs: of all models together, of one model, of one file.
GEOMETRIC_MEAN, ONE_MODEL, SIZE = 1.00, 1.03, 1.01
# Of the largest magnitude of an output, as pinlite's own.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Ratio:
    """The median of some measurements, and their quartiles."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Made:
    """What a converter made in a process of its own. ``error`` tells why there is no file."""

    seconds: float
    size: int = 0
    error: str = ""


@dataclass(frozen=True)
class Run:
    """A file in a runtime: the largest relative difference from the reference (None: other shapes, or no numbers), and
    the fastest invocation. ``error`` tells why it does not run.
    """

    difference: float | None = None
    milliseconds: float | None = None
    error: str = ""

    @property
    def right(self) -> bool:
        return self.difference is not None and self.difference <= TOLERANCE


@dataclass(frozen=True)
class Match:
    """Both files in one runtime. ``latency`` is ours over theirs, where both are right."""

    ours: Run
    theirs: Run
    latency: Ratio | None = None


@dataclass(frozen=True)
class Pair:
    """A model by both converters, with its matches by runtime. ``error`` tells why there was nothing to convert."""

    model: str
    ours: Made | None = None
    theirs: Made | None = None
    matches: Mapping[str, Match] = field(default_factory=dict)
    error: str = ""

    @property
    def size(self) -> float | None:
        """Of our file over theirs, where theirs is one that some runtime takes and is right."""
        right = any(match.theirs.right for match in self.matches.values())
        return self.ours.size / self.theirs.size if right and self.ours and self.theirs else None


def latency(heats: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Ratio:
    """The ratio of two latencies from some heats, each (our turns, their turns) in milliseconds, round by round.

    Both have their turn within the same moment, so that what slows a machine for longer slows both, and drops out of
    the round's ratio; the median of a heat's rounds leaves out the moments in which it did not. What a heat has to
    itself, where its interpreters' memory lies, is in all of its rounds, and the median of the heats leaves it out: one
    file against itself differs by up to 6 % in one heat. The quotient of the fastest invocations of all would do on a
    machine at rest; elsewhere each may stem from another moment.
    """
    medians = [statistics.median(own / other for own, other in zip(*heat, strict=True)) for heat in heats]
    lower, median, upper = statistics.quantiles(medians, n=4, method="inclusive")
    return Ratio(median, lower, upper)


def latencies(pairs: Sequence[Pair], runtime: str) -> dict[str, Ratio]:
    """By model, in this runtime."""
    found = {pair.model: pair.matches[runtime].latency for pair in pairs if runtime in pair.matches}
    return {model: ratio for model, ratio in found.items() if ratio}


def sizes(pairs: Sequence[Pair]) -> dict[str, float]:
    """By model."""
    return {pair.model: pair.size for pair in pairs if pair.size}


def shortfalls(pairs: Sequence[Pair], runtimes: Sequence[str]) -> list[str]:
    """Where the targets are missed, in words."""
    failed = (f"{pair.model}: {pair.error}" for pair in pairs if pair.error)
    return [*failed, *_wrong(pairs), *_slow(pairs, runtimes), *_large(pairs)]


def _wrong(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        for runtime, match in pair.matches.items():
            if match.theirs.right and not match.ours.right:
                yield f"{pair.model} in {runtime}: theirs is right, ours is not"


def _slow(pairs: Sequence[Pair], runtimes: Sequence[str]) -> Iterator[str]:
    for runtime in runtimes:
        found = latencies(pairs, runtime)
        for model, ratio in found.items():
            if ratio.median > ONE_MODEL:
                yield f"{model} in {runtime}: latency {ratio.median:.3f} of theirs, the target is {ONE_MODEL:.2f}"
        if found:
            mean = statistics.geometric_mean(ratio.median for ratio in found.values())
            if mean > GEOMETRIC_MEAN:
                yield f"geometric mean in {runtime}: latency {mean:.3f} of theirs, the target is {GEOMETRIC_MEAN:.2f}"


def _large(pairs: Sequence[Pair]) -> Iterator[str]:
    for model, ratio in sizes(pairs).items():
        if ratio > SIZE:
            yield f"{model}: size {ratio:.4f} of theirs, the target is {SIZE:.2f}"
