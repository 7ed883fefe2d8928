"""Scoring what runtimes computed from labelled samples."""

import functools
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pinlite import parity
from pinlite.digest import HashedPath
from pinlite.errors import StageCrashError, UsageError
from pinlite.parity import Arrays
from pinlite.schema.choices import VariantName
from pinlite.schema.recipe import Evaluation, Metric
from pinlite.schema.report import EvaluationReport, Fallen, Score

Labels = NDArray[np.generic]


# What each runtime computed of the labelled samples, by runtime and variant, the reference first.
Computed = Mapping[tuple[str, VariantName | None], HashedPath]


@dataclass(frozen=True)
class Scoring:
    """The labelled samples of a run, and the modules of the functions that gave and score them."""

    asked: Evaluation
    modules: HashedPath
    samples: HashedPath
    labels: HashedPath

    def report(self, computed: Computed, own: Sequence[Sequence[float]], required: Container[str]) -> EvaluationReport:
        """The scores; ``own`` has those of the user's own metrics, a list for each of the computed. Those of variants
        in the ``required`` runtimes are held to the reference's.
        """
        scores = self.scores(computed, own)
        return EvaluationReport(
            source=self.asked.function.text,
            samples=len(self.given),
            scores=scores,
            loss=self.asked.loss,
            fallen=tuple(each for each in self.losses(scores, required) if each.lost > self.asked.loss),
        )

    def scores(self, computed: Computed, own: Sequence[Sequence[float]]) -> tuple[Score, ...]:
        """One score for each of the computed, in their order; ``own`` is as `report` has it."""
        wanted = metrics(self.asked.metrics, self.given)
        asked = sum(metric.function is not None for metric in wanted)
        if [len(found) for found in own] != [asked] * len(computed):
            raise StageCrashError(f"the metrics did not give {asked} scores for each of {len(computed)} runtimes")
        scores: list[Score] = []
        for ((runtime, variant), file), others in zip(computed.items(), own, strict=True):
            outputs, found = parity.read(file.path), iter(others)
            by_name = {
                metric.name: next(found) if metric.function else score(metric, outputs, self.given) for metric in wanted
            }
            scores.append(Score(runtime=runtime, variant=variant, scores=by_name))
        return tuple(scores)

    def losses(self, scores: Sequence[Score], required: Container[str]) -> Iterator[Fallen]:
        """What each variant has lost of the reference's score, the first one, in ``required`` runtimes, by metric."""
        for each in scores:
            if each.variant and each.runtime in required:
                for metric in metrics(self.asked.metrics, self.given):
                    yield _fallen(metric, scores[0].scores[metric.name], each, self.given)

    @functools.cached_property
    def given(self) -> Labels:
        """The labels, [samples, ...]."""
        return _labels(self.labels.path)


def _labels(path: Path) -> Labels:
    """What the user's function labelled its samples with, [samples, ...]."""
    given = parity.read(path).get("labels")
    if given is None or not given.ndim or not given.size:
        raise StageCrashError(f"{path.parent.name} wrote no labels")
    return given


def metrics(asked: Sequence[Metric], given: Labels) -> tuple[Metric, ...]:
    """The metrics that are asked for; else top-1 for labels that are numbers of classes, mse for others."""
    if asked:
        return tuple(asked)
    return (Metric(name="top-1" if given.ndim == 1 and given.dtype.kind in "iu" else "mse"),)


def _fallen(metric: Metric, reference: float, scored: Score, given: Labels) -> Fallen:
    found = scored.scores[metric.name]
    lost = lost_share(metric, reference, found, float(np.var(given.astype(np.float64))) if metric.name == "mse" else 0)
    return Fallen(
        runtime=scored.runtime,
        variant=cast("VariantName", scored.variant),
        metric=metric.name,
        reference=reference,
        score=found,
        lost=lost,
    )


def lost_share(metric: Metric, reference: float, found: float, variance: float) -> float:
    """What a score has lost of the reference's, as `pinlite.schema.report.Fallen` has it; ``variance`` is the labels'.

    It is 0 where nothing can be lost: PyTorch itself scores 0, or explains nothing. All is lost of what is no number.
    """
    if not np.isfinite(found):
        return 1.0
    if metric.function:
        return abs(found - reference) / abs(reference) if reference else 0.0
    if metric.name == "mse":
        explained = 1 - reference / variance if variance else 0.0
        return max(0.0, (found - reference) / variance / explained) if explained > 0 else 0.0
    return max(0.0, (reference - found) / reference) if reference else 0.0


def score(metric: Metric, outputs: Arrays, given: Labels) -> float:
    """The score of the first output, [samples, ...], against the labels, [samples, ...].

    ``top-k`` is the share of samples whose label is among the k largest of their numbers, of which equal ones count in
    their order; ``mse`` the mean of the squared differences.

    Raises:
        UsageError: The output has not a number for each class, or the label not a number for each of the output.
        StageCrashError: It is not of as many samples.
    """
    name, output = next((name, array.astype(np.float64)) for name, array in outputs.items())
    if output.shape[:1] != given.shape[:1]:
        raise StageCrashError(f"output {name!r} of {len(given)} samples is {list(output.shape)}")
    rows = output.reshape(len(given), -1)
    if metric.name == "mse":
        wanted = given.astype(np.float64).reshape(len(given), -1)
        if wanted.shape != rows.shape:
            raise UsageError(
                f"a label has {wanted.shape[1]} numbers, output {name!r} {rows.shape[1]}: mse can't compare them",
                hint="yield labels of the shape of the first output, or give --metric file.py:callable",
            )
        return float(np.mean((rows - wanted) ** 2))
    if given.ndim > 1 or given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= rows.shape[1]:
        raise UsageError(
            f"{metric.name} needs labels that are classes of output {name!r}, below {rows.shape[1]}",
            hint="yield whole numbers from 0 as labels, or give --metric mse or file.py:callable",
        )
    first = np.argsort(-rows, axis=1, kind="stable")[:, : int(metric.name.removeprefix("top-"))]
    return float(np.mean((first == given[:, np.newaxis]).any(axis=1)))
