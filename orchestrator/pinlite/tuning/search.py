"""What is tried in which order, and which of it is taken.

First the ways that cost a file nothing, one kind after the other, each on top of the best so far. If the best of them
loses too much, the layers that add most to its error stay in floats, as few as do, and of these have int16 what can.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pinlite.schema.recipe import PostTrainingQuantization
from pinlite.schema.report import Trial

# The kinds of change, and those of each kind that are tried.
CHANGES: tuple[tuple[Mapping[str, Any], ...], ...] = (
    ({"equalize": True},),
    ({"ranges": "percentile=99.99"}, {"ranges": "percentile=99.9"}, {"ranges": "mse"}, {"ranges": "kl"}),
    ({"weight_ranges": "mse"},),
    # Rounding for what a layer gives moves the mean of it, which a bias takes back.
    ({"correct_bias": True}, {"round": "adaptive"}, {"round": "adaptive", "correct_bias": True}),
)
# Of the layers that are kept in floats, how many are tried without, the one that adds least first.
LEFT_OUT = 8
# A share of a latency, by which it varies from one time to the next.
LATENCY_NOISE = 0.05
# How many times as long as floats integers of 16 bits may take: far from what varies, and from the 20 to 40 times of a
# layer that is most of a model.
SLOWEST_INT16 = 2


class _OverError(Exception):
    """There is no time for another trial."""


@dataclass
class Search:
    """``attempt`` makes a trial, or gives None where the model refuses it; ``may_go_on`` says whether there is time for
    one; a trial is good that loses no more than ``loss``. ``trials`` are those so far, none of them twice.
    """

    attempt: Callable[[PostTrainingQuantization], Trial | None]
    may_go_on: Callable[[], bool]
    loss: float
    trials: list[Trial] = field(default_factory=list)
    _known: dict[PostTrainingQuantization, Trial | None] = field(default_factory=dict)

    def run(
        self,
        start: PostTrainingQuantization,
        layers: Callable[[Trial], Sequence[str]] | None,
        *,
        may_have_int16: bool = False,
    ) -> bool:
        """Search from a ``start``; whether there was time for all of it. ``layers`` gives patterns of the layers that
        may stay in floats, what adds most to a trial's error first; None where none may. Those of a file that
        ``may_have_int16`` are tried with it in place of floats.
        """
        try:
            best = self._without_floats(start)
            if best is not None and layers is not None and not self._is_good(best):
                kept = self._with_few_floats(best, layers(best))
                if may_have_int16 and kept:
                    self._with_int16(best, kept)
        except _OverError:
            return False
        return True

    def _without_floats(self, start: PostTrainingQuantization) -> Trial | None:
        best = self._tried(start)
        for changes in CHANGES:
            base = best.method if best else start
            best = min((each for each in (best, *self._changed(base, changes)) if each), key=_distance, default=None)
        return best

    def _changed(self, base: PostTrainingQuantization, changes: Iterable[Mapping[str, Any]]) -> Iterable[Trial | None]:
        return [self._tried(base.model_copy(update=change)) for change in changes]

    def _with_few_floats(self, best: Trial, layers: Sequence[str]) -> Sequence[str]:
        """As many of the layers as it takes, by doubling and halving; then each of the last ones left out once. Nothing
        where all of them are too few.
        """
        few, many = 0, min(1, len(layers))
        while many and not self._is_enough(best, layers[:many]):
            if many == len(layers):
                return ()
            few, many = many, min(2 * many, len(layers))
        while many - few > 1:
            middle = (few + many) // 2
            few, many = (few, middle) if self._is_enough(best, layers[:middle]) else (middle, many)
        kept = layers[:many]
        for layer in [*reversed(layers[: max(0, many - 1)])][:LEFT_OUT]:
            fewer = [each for each in kept if each != layer]
            kept = fewer if self._is_enough(best, fewer) else kept
        return kept

    def _with_int16(self, best: Trial, kept: Sequence[str]) -> None:
        """Int16 in place of floats for all of the layers that are kept, else for each that can have it, one after the
        other, the one that adds least first.
        """
        floats = self._kept(best, kept)
        if floats is None or self._replaces(self._kept(best, (), kept), floats):
            return
        taken, moved = floats, list[str]()
        for layer in [*reversed(kept)][:LEFT_OUT]:
            others = [each for each in kept if each not in (*moved, layer)]
            trial = self._kept(best, others, [*moved, layer])
            if trial is not None and self._replaces(trial, taken):
                taken, moved = trial, [*moved, layer]

    def _replaces(self, trial: Trial | None, floats: Trial) -> bool:
        """Whether a trial with int16 is as good as one with ``floats`` in its place."""
        if trial is None or trial.floats >= floats.floats:
            return False
        return self._is_good(trial) and not _is_slow(trial, floats.latency_ms)

    def _is_enough(self, best: Trial, layers: Sequence[str]) -> bool:
        trial = self._kept(best, layers)
        return trial is not None and self._is_good(trial)

    def _kept(self, best: Trial, floats: Sequence[str], int16: Sequence[str] = ()) -> Trial | None:
        """The trial of a method with more layers in floats and int16."""
        method = best.method
        more = {"keep_float": (*method.keep_float, *floats), "keep_int16": (*method.keep_int16, *int16)}
        return self._tried(method.model_copy(update={name: tuple(dict.fromkeys(each)) for name, each in more.items()}))

    def _is_good(self, trial: Trial) -> bool:
        return trial.lost <= self.loss

    def _tried(self, method: PostTrainingQuantization) -> Trial | None:
        if method not in self._known:
            if not self.may_go_on():
                raise _OverError
            self._known[method] = trial = self.attempt(method)
            self.trials.extend([trial] if trial else [])
        return self._known[method]


def chosen(trials: Sequence[Trial], loss: float) -> int:
    """The place of the trial to take: of those that lose no more than ``loss`` one with the fewest operators in floats,
    then with the fewest layers of int16, unless these are slow; else the one that loses least; of equal ones that whose
    outputs are nearer to PyTorch's, and then the first.
    """
    good = [at for at, trial in enumerate(trials) if trial.lost <= loss]
    fastest = min((trials[at].latency_ms for at in good), key=lambda each: each or 0.0, default=None)

    def cost(at: int) -> tuple[float, ...]:
        trial = trials[at]
        return _is_slow(trial, fastest), trial.floats, len(trial.method.keep_int16), *_distance(trial)

    if good:
        return min(good, key=cost)
    return min(range(len(trials)), key=lambda at: _distance(trials[at]))


def frontier(trials: Sequence[Trial]) -> tuple[int, ...]:
    """The places of those trials than which no other one loses less, is smaller and faster at once. Of those that
    differ in nothing but their latency the first stands for all.
    """
    return tuple(
        at
        for at, trial in enumerate(trials)
        if not any(_is_beaten(trial, other, later=at > place) for place, other in enumerate(trials) if place != at)
    )


def _is_beaten(trial: Trial, other: Trial, *, later: bool) -> bool:
    own, others = ((each.lost, each.error, each.size) for each in (trial, other))
    slower = (other.latency_ms or 0.0) > (trial.latency_ms or 0.0) * (1 + LATENCY_NOISE)
    better = all(one <= two for one, two in zip(others, own, strict=True))
    return better and not slower and (own != others or later)


def _is_slow(trial: Trial, fastest: float | None) -> bool:
    """Whether integers of 16 bits take far longer than the ``fastest`` in milliseconds."""
    return bool(trial.method.keep_int16) and (trial.latency_ms or 0.0) > SLOWEST_INT16 * (fastest or math.inf)


def _distance(trial: Trial) -> tuple[float, float]:
    return trial.lost, trial.error
