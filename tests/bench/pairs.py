"""A model as pinlite converts it beside the same as onnx2tf does: what was measured, and what it comes to."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Targets:
    """What is asked of ours over theirs. ``cosine`` asks for one at least as high as theirs, ``geometric_mean`` is of
    latencies. ``conversion`` is asked of the geometric mean of the seconds that conversions take, ``large`` of that of
    models of at least `LARGE` bytes.
    """

    cosine: bool = False
    geometric_mean: float | None = None
    one_model: float | None = None
    size: float | None = None
    conversion: float | None = None
    large: float | None = None


FLOAT32 = Targets(geometric_mean=1.00, one_model=1.03, size=1.01, conversion=0.85, large=0.7)
NONE = Targets()
INT8 = Targets(cosine=True, geometric_mean=1.00, conversion=0.9)
# Of a model in ONNX, in bytes.
LARGE = 100_000_000


@dataclass(frozen=True)
class Quartiles:
    """The median of some measurements, and their quartiles."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Made:
    """What a converter made, in the seconds of each of its runs: a file of ``size`` bytes; ``memory`` is the peak of
    its largest process in bytes. ``error`` tells why there is no file, ``remark`` what it took.
    """

    seconds: tuple[float, ...] = ()
    size: int = 0
    memory: int = 0
    error: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Run:
    """A file in a runtime: the largest relative difference from the reference and the cosine (None: other shapes, or no
    numbers), whether that is right, and how long an invocation takes. ``error`` tells why it does not run.
    """

    difference: float | None = None
    cosine: float | None = None
    right: bool = False
    milliseconds: Quartiles | None = None
    error: str = ""


@dataclass(frozen=True)
class Match:
    """Both files in one runtime. ``latency`` is ours over theirs, where both are right."""

    ours: Run
    theirs: Run
    latency: Quartiles | None = None


@dataclass(frozen=True)
class Pair:
    """A model of some ``bytes`` by both converters, with its matches by runtime. ``warm`` is ours where workers are
    waiting. ``error`` tells why there is nothing to compare.
    """

    model: str
    ours: Made | None = None
    theirs: Made | None = None
    warm: Made | None = None
    matches: dict[str, Match] = field(default_factory=dict)
    bytes: int = 0
    error: str = ""

    @property
    def size(self) -> float | None:
        """Of our file over theirs, where theirs is one that some runtime takes and is right."""
        right = any(match.theirs.right for match in self.matches.values())
        return self.ours.size / self.theirs.size if right and self.ours and self.theirs else None

    def conversion(self, side: str) -> Quartiles | None:
        """The seconds of ours or of warm over theirs, round by round."""
        ours, theirs = getattr(self, side), self.theirs
        if not ours or not theirs or ours.error or theirs.error:
            return None
        return of([own / other for own, other in zip(ours.seconds, theirs.seconds, strict=True)])


@dataclass(frozen=True)
class Result:
    """Models in one comparison, which these targets are for, in these runtimes; ``everything`` if it is all models."""

    name: str
    targets: Targets
    runtimes: tuple[str, ...]
    pairs: tuple[Pair, ...]
    everything: bool = False

    @property
    def shortfalls(self) -> list[str]:
        """Where the targets are missed, in words."""
        failed = (f"{pair.model}: {pair.error}" for pair in self.pairs if pair.error)
        less_exact = _less_exact(self.pairs) if self.targets.cosine else ()
        slow, large = _slow(self.pairs, self.runtimes, self.targets), _large(self.pairs, self.targets)
        return [*failed, *_wrong(self.pairs), *less_exact, *slow, *large, *_slowly_made(self.pairs, self.targets)]


@dataclass(frozen=True)
class Document:
    """All results of a run that ended on a ``date``, on so many ``processors``, with the versions of who took part."""

    date: str
    processors: int
    versions: dict[str, str]
    results: tuple[Result, ...]


def latency(heats: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Quartiles:
    """The ratio of two latencies from some heats, each (our turns, their turns) in milliseconds, round by round.

    Both have their turn within the same moment, so that what slows a machine for longer slows both, and drops out of
    the round's ratio; the median of a heat's rounds leaves out the moments in which it did not. What a heat has to
    itself, where its interpreters' memory lies, is in all of its rounds, and the median of the heats leaves it out: one
    file against itself differs by up to 6 % in one heat. The quotient of the fastest invocations of all would do on a
    machine at rest; elsewhere each may stem from another moment.
    """
    return of([statistics.median(own / other for own, other in zip(*heat, strict=True)) for heat in heats])


def of(measured: Sequence[float]) -> Quartiles:
    """One measurement alone is its quartiles, too."""
    several = measured if len(measured) > 1 else [*measured] * 2
    lower, median, upper = statistics.quantiles(several, n=4, method="inclusive")
    return Quartiles(median, lower, upper)


def latencies(pairs: Sequence[Pair], runtime: str) -> dict[str, Quartiles]:
    """By model, in this runtime."""
    found = {pair.model: pair.matches[runtime].latency for pair in pairs if runtime in pair.matches}
    return {model: ratio for model, ratio in found.items() if ratio}


def conversions(pairs: Sequence[Pair], side: str) -> list[float]:
    """The seconds of ours or of warm over theirs."""
    found = (pair.conversion(side) for pair in pairs)
    return [each.median for each in found if each]


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
            if targets.one_model and ratio.median > targets.one_model:
                yield _latency(f"{model} in {runtime}", ratio.median, targets.one_model)
        if found and targets.geometric_mean:
            mean = statistics.geometric_mean(ratio.median for ratio in found.values())
            if mean > targets.geometric_mean:
                yield _latency(f"geometric mean in {runtime}", mean, targets.geometric_mean)


def _latency(what: str, ratio: float, target: float) -> str:
    return f"{what}: latency {ratio:.3f} of theirs, the target is {target:.2f}"


def _slowly_made(pairs: Sequence[Pair], targets: Targets) -> Iterator[str]:
    large = [pair for pair in pairs if pair.bytes >= LARGE]
    for what, found, target in (
        ("all models", pairs, targets.conversion),
        ("those of 100 MB and more", large, targets.large),
    ):
        if target and (each := conversions(found, "ours")) and (mean := statistics.geometric_mean(each)) > target:
            yield f"converting {what}: {mean:.2f} of their seconds, the target is {target:.2f}"


def _large(pairs: Sequence[Pair], targets: Targets) -> Iterator[str]:
    for model, ratio in sizes(pairs).items():
        if targets.size and ratio > targets.size:
            yield f"{model}: size {ratio:.4f} of theirs, the target is {targets.size:.2f}"
