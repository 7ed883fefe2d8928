"""A model as pinlite converts it beside the same as onnx2tf does: what was measured, and what it comes to."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Targets:
    """What is asked of ours over theirs. ``tolerance`` is the difference, of the largest magnitude of an output, up to
    which a file is right; ``cosine`` asks for one at least as high as theirs. ``conversion`` is asked of the geometric
    mean of the seconds that conversions take, ``large`` of that of models of at least `LARGE` bytes.
    """

    tolerance: float = math.inf
    cosine: bool = False
    geometric_mean: float = 1.00
    one_model: float = math.inf
    size: float = math.inf
    conversion: float = math.inf
    large: float = math.inf


FLOAT32 = Targets(tolerance=1e-4, one_model=1.03, size=1.01, conversion=0.85, large=0.7)
# Rounding to 8 bits has no tolerance: any finite numbers are a file's, and the cosine tells how good they are.
INT8 = Targets(cosine=True, conversion=0.9)
# Of a model in ONNX, in bytes.
LARGE = 100_000_000


@dataclass(frozen=True)
class Ratio:
    """The median of some measurements, and their quartiles."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Made:
    """What a converter made in a process of its own. ``error`` tells why there is no file, ``remark`` what it took."""

    seconds: float
    size: int = 0
    error: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Run:
    """A file in a runtime: the largest relative difference from the reference and the cosine (None: other shapes, or no
    numbers), whether that is right, and the fastest invocation. ``error`` tells why it does not run.
    """

    difference: float | None = None
    cosine: float | None = None
    right: bool = False
    milliseconds: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Match:
    """Both files in one runtime. ``latency`` is ours over theirs, where both are right."""

    ours: Run
    theirs: Run
    latency: Ratio | None = None


@dataclass(frozen=True)
class Pair:
    """A model of some ``bytes`` by both converters, with its matches by runtime. ``conversion`` is the ratio of the
    seconds that it took them, ours over theirs. ``error`` tells why there was nothing to convert.
    """

    model: str
    ours: Made | None = None
    theirs: Made | None = None
    matches: Mapping[str, Match] = field(default_factory=dict)
    conversion: Ratio | None = None
    bytes: int = 0
    error: str = ""

    @property
    def size(self) -> float | None:
        """Of our file over theirs, where theirs is one that some runtime takes and is right."""
        right = any(match.theirs.right for match in self.matches.values())
        return self.ours.size / self.theirs.size if right and self.ours and self.theirs else None


@dataclass(frozen=True)
class Result:
    """All models as one kind of file, which these targets are for, in these runtimes."""

    kind: str
    targets: Targets
    runtimes: tuple[str, ...]
    pairs: tuple[Pair, ...]

    @property
    def shortfalls(self) -> list[str]:
        """Where the targets are missed, in words."""
        failed = (f"{pair.model}: {pair.error}" for pair in self.pairs if pair.error)
        less_exact = _less_exact(self.pairs) if self.targets.cosine else ()
        slow, large = _slow(self.pairs, self.runtimes, self.targets), _large(self.pairs, self.targets)
        return [*failed, *_wrong(self.pairs), *less_exact, *slow, *large, *_slowly_made(self.pairs, self.targets)]


def latency(heats: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Ratio:
    """The ratio of two latencies from some heats, each (our turns, their turns) in milliseconds, round by round.

    Both have their turn within the same moment, so that what slows a machine for longer slows both, and drops out of
    the round's ratio; the median of a heat's rounds leaves out the moments in which it did not. What a heat has to
    itself, where its interpreters' memory lies, is in all of its rounds, and the median of the heats leaves it out: one
    file against itself differs by up to 6 % in one heat. The quotient of the fastest invocations of all would do on a
    machine at rest; elsewhere each may stem from another moment.
    """
    return of([statistics.median(own / other for own, other in zip(*heat, strict=True)) for heat in heats])


def of(ratios: Sequence[float]) -> Ratio:
    """One ratio alone is its quartiles, too."""
    lower, median, upper = statistics.quantiles(ratios if len(ratios) > 1 else [*ratios] * 2, n=4, method="inclusive")
    return Ratio(median, lower, upper)


def latencies(pairs: Sequence[Pair], runtime: str) -> dict[str, Ratio]:
    """By model, in this runtime."""
    found = {pair.model: pair.matches[runtime].latency for pair in pairs if runtime in pair.matches}
    return {model: ratio for model, ratio in found.items() if ratio}


def sizes(pairs: Sequence[Pair]) -> dict[str, float]:
    """By model."""
    return {pair.model: pair.size for pair in pairs if pair.size}


def _wrong(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        for runtime, match in pair.matches.items():
            if match.theirs.right and not match.ours.right:
                yield f"{pair.model} in {runtime}: theirs is right, ours is not"


def _less_exact(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        for runtime, match in pair.matches.items():
            ours, theirs = match.ours.cosine, match.theirs.cosine
            if ours is not None and theirs is not None and ours < theirs:
                yield f"{pair.model} in {runtime}: cosine {ours:.6f}, theirs has {theirs:.6f}"


def _slow(pairs: Sequence[Pair], runtimes: Sequence[str], targets: Targets) -> Iterator[str]:
    for runtime in runtimes:
        found = latencies(pairs, runtime)
        for model, ratio in found.items():
            if ratio.median > targets.one_model:
                yield _latency(f"{model} in {runtime}", ratio.median, targets.one_model)
        if found:
            mean = statistics.geometric_mean(ratio.median for ratio in found.values())
            if mean > targets.geometric_mean:
                yield _latency(f"geometric mean in {runtime}", mean, targets.geometric_mean)


def _latency(what: str, ratio: float, target: float) -> str:
    return f"{what}: latency {ratio:.3f} of theirs, the target is {target:.2f}"


def _slowly_made(pairs: Sequence[Pair], targets: Targets) -> Iterator[str]:
    found = [(pair.conversion.median, pair.bytes) for pair in pairs if pair.conversion]
    of_large = [ratio for ratio, size in found if size >= LARGE]
    for what, ratios, target in (
        ("all models", [ratio for ratio, _ in found], targets.conversion),
        ("those of 100 MB and more", of_large, targets.large),
    ):
        if ratios and (mean := statistics.geometric_mean(ratios)) > target:
            yield f"converting {what}: {mean:.2f} of their seconds, the target is {target:.2f}"


def _large(pairs: Sequence[Pair], targets: Targets) -> Iterator[str]:
    for model, ratio in sizes(pairs).items():
        if ratio > targets.size:
            yield f"{model}: size {ratio:.4f} of theirs, the target is {targets.size:.2f}"
