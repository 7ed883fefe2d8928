"""Ranges of activations that are narrower than what samples show: by ``percentile=P``, ``mse`` or ``kl``.

What is beyond them saturates, and all else gets finer steps. Each method looks at a histogram of the numbers of a
tensor on all samples, without those that are 0, which has a step of its own in any range.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from stagekit import StageError

from . import observation
from .passes import editing, ranges
from .passes.weight_steps import PARTS

MINMAX = "minmax"
BINS, STEPS = 2048, 255
# A share that stands for none where the other distribution has some.
SMOOTHED = 1e-4


def cut(model, found, method, kept=()):
    """Change the ranges of a calibrated ModelT of floats by ``found``, what `histograms` gave for it, but for those of
    what only operators of ``kept`` give and read, which stay in floats. Returns [{tensor, lowest, largest, low, high,
    share}] of what was cut: the range that the samples show, the one that is left, and the share of numbers that is
    beyond it.
    """
    graph = model.subgraphs[0]
    cuts, left = [], _floats(graph, kept)
    for at, (counts, lowest, largest) in found.items():
        low, high = _chosen(method, counts, lowest, largest)
        if at in left or (low, high) == (lowest, largest):
            continue
        ranges.set_to(graph.tensors[at], low, high)
        share = _beyond(counts, lowest, largest, low, high)
        cuts.append(told(graph.tensors[at], (lowest, largest), (low, high), share))
    return cuts


def told(tensor, before, after, share):
    """What was cut of a TensorT, for the report, of two arrays of numbers, or ends."""
    ends = {"lowest": np.min(before), "largest": np.max(before), "low": np.min(after), "high": np.max(after)}
    numbers = {name: float(number) for name, number in dict(ends, share=share).items()}
    return dict(numbers, tensor=tensor.name.decode())


def make_symmetric(model):
    """Give the tensors of a calibrated ModelT ranges whose zero point is 0 in 8 bits: the lowest integer is -128."""
    for tensor in model.subgraphs[0].tensors:
        low, high = ranges.of(model, tensor)
        if tensor.type == schema.TensorType.FLOAT32 and editing.numbers(model, tensor) is None and np.isfinite(low):
            largest = max(-low, high)
            ranges.set_to(tensor, -largest * 128 / 127, largest)


def _floats(graph, kept):
    """The tensors that operators which stay in floats give to none but others of these."""
    ids = {id(operator) for operator in kept}
    given = {int(at) for operator in kept for at in operator.outputs}
    return given - {int(at) for operator, _, at in editing.reads(graph) if id(operator) not in ids}


def check(method, methods=(MINMAX, "mse", "kl")):
    """Raise a StageError of kind ``usage`` for what is no method."""
    kind, _, share = method.partition("=")
    if method not in methods and not (kind == "percentile" and 50 < float(share) <= 100):
        hint = "{}, or percentile=99.99".format(", ".join(methods))
        raise StageError("usage", "there are no ranges {!r}".format(method), hint)


def histograms(model, inputs, samples):
    """{tensor: (counts, lowest, largest)} of a calibrated ModelT of floats, but for its inputs and outputs: [BINS]
    counts of the numbers other than 0 between its ends, and how many numbers there are; samples as
    `observation.each` has them.
    """
    graph = model.subgraphs[0]
    ends = {int(each) for each in (*graph.inputs, *graph.outputs)}
    found = {}
    for at, tensor in enumerate(graph.tensors):
        computed = tensor.type == schema.TensorType.FLOAT32 and editing.numbers(model, tensor) is None
        if computed and at not in ends and np.isfinite(ranges.of(model, tensor)).all():
            lowest, largest = ranges.of(model, tensor)
            found[at] = (min(lowest, 0.0), max(largest, 0.0))

    def counted(observed):
        counts = {at: np.zeros(BINS + 1) for at in found}
        for values in observed:
            for at, array in values.items():
                counts[at][:BINS] += np.histogram(array[array != 0], BINS, found[at])[0]
                counts[at][BINS] += array.size
        return counts

    shares = observation.of_shares(model, sorted(found), inputs, samples, counted)
    return {at: (sum(counts[at] for counts in shares), *ends) for at, ends in found.items()}


def _chosen(method, counts, lowest, largest):
    """The two ends of a range, of which 0 is part as it is of the one that is seen."""
    kind, _, share = method.partition("=")
    histogram, edges = counts[:BINS], np.linspace(lowest, largest, BINS + 1)
    if not histogram.any():
        return lowest, largest
    if kind == "percentile":
        return _percentile(histogram, edges, (1 - float(share) / 100) * counts[BINS])
    cost = {"mse": _squared_error, "kl": _divergence}[kind]
    middles = (edges[:-1] + edges[1:]) / 2
    high = min((largest * part for part in PARTS), key=lambda end: cost(histogram, middles, lowest, end))
    low = min((lowest * part for part in PARTS), key=lambda end: cost(histogram, middles, end, high))
    return float(low), float(high)


def _percentile(histogram, edges, allowed):
    """The ends beyond each of which so many numbers may be."""
    below = np.cumsum(histogram)
    above = below[-1] - below
    low = edges[np.searchsorted(below, allowed, side="right")]
    high = edges[np.searchsorted(-above, -allowed) + 1]
    return float(min(low, 0.0)), float(max(high, 0.0))


def _squared_error(histogram, middles, low, high):
    """The mean squared error of rounding to the steps of a range, and of saturating beyond it."""
    beyond = np.maximum(np.maximum(low - middles, middles - high), 0)
    inside = histogram[beyond == 0].sum()
    step = (high - low) / STEPS
    return float(inside * step**2 / 12 + (histogram * beyond**2).sum()) / histogram.sum()


def _divergence(histogram, middles, low, high):
    """The Kullback-Leibler divergence of what is rounded to the steps of a range from what saturates at its ends, after
    Migacz, "8-bit Inference with TensorRT" (2017).
    """
    within = (middles >= low) & (middles <= high)
    if not within.any():
        return np.inf
    saturated = histogram[within].copy()
    saturated[0] += histogram[middles < low].sum()
    saturated[-1] += histogram[middles > high].sum()
    plain, filled = histogram[within], histogram[within] > 0
    steps = np.minimum(((middles[within] - low) / (high - low) * STEPS).astype(int), STEPS - 1)
    sums, sizes = np.bincount(steps, plain, STEPS), np.bincount(steps, filled, STEPS)
    rounded = np.where(filled, sums[steps] / np.maximum(sizes[steps], 1), 0)
    both = (saturated > 0) & (rounded > 0)
    one, other = saturated / saturated.sum(), rounded / max(rounded.sum(), 1)
    other = np.where(both, other, SMOOTHED)
    return float((one[saturated > 0] * np.log(one[saturated > 0] / other[saturated > 0])).sum())


def _beyond(counts, lowest, largest, low, high):
    edges = np.linspace(lowest, largest, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    return float(counts[:BINS][(middles < low) | (middles > high)].sum() / counts[BINS])
