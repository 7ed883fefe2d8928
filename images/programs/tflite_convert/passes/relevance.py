"""Which numbers of a tensor make a difference, from the readers of the tensor back to its operands.

A softmax can't tell -1e9 from a number somewhat below the largest of a row, a sigmoid not 20 from 30. The limits within
which a number makes a difference are found here for every tensor of a calibrated file of floats.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, ranges

# NOTHING: numbers that are below the largest of their row by more than this and the logarithm of their count come to 0
# together in a softmax of 8 bits. FLAT: beyond it a sigmoid and a tanh are at their largest.
NOTHING, FLAT = 8.0, 16.0
# A row whose largest number is this far below the largest of all is masked as a whole.
MASKED_ROW = 500.0
# A tensor with a narrower range has no masks.
NARROW = 40.0
# STRENGTH: a factor that masks may be this many times the range that the product is to leave: then even the smallest
# step of the other factor leaves it, and no runtime's integers overflow. MODEST: a factor up to this is not a mask.
STRENGTH, MODEST = 1000.0, 100.0

NONE = (np.inf, -np.inf)
OPERATORS = schema.BuiltinOperator
PASSING = frozenset(
    getattr(OPERATORS, name)
    for name in (
        *("BATCH_TO_SPACE_ND", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER", "GATHER_ND", "MAXIMUM"),
        *("MAX_POOL_2D", "MINIMUM", "MIRROR_PAD", "PACK", "PAD", "PADV2", "RESHAPE", "REVERSE_V2", "SELECT"),
        *("SELECT_V2", "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE"),
        *("TILE", "TRANSPOSE", "UNPACK"),
    )
)
CLIPPING = {
    schema.ActivationFunctionType.RELU: (0.0, np.inf),
    schema.ActivationFunctionType.RELU6: (0.0, 6.0),
    schema.ActivationFunctionType.RELU_N1_TO_1: (-1.0, 1.0),
}
# They look for the largest of each row, or (by a sign of -1) for the smallest. Those of the first kind have no axes.
SOFTMAXES = (OPERATORS.SOFTMAX, OPERATORS.LOG_SOFTMAX)
EXTREMES = {OPERATORS.ARG_MAX: 1, OPERATORS.ARG_MIN: -1, OPERATORS.REDUCE_MAX: 1, OPERATORS.REDUCE_MIN: -1}
COMPARISONS = tuple(
    getattr(OPERATORS, name) for name in ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
)


class Rows(NamedTuple):
    """The rows of a tensor (its place) along ``axes``, of which an operator looks for the largest of ``sign`` times."""

    tensor: int
    axes: tuple
    sign: int

    def largest(self, array):
        """Of each row, flat."""
        return (self.sign * array).max(axis=self.axes).ravel()


def rows(model):
    """The `Rows` of a ModelT of floats that has been calibrated, which may have masks."""
    graph = model.subgraphs[0]
    found = [_rows(model, graph, operator) for operator in graph.operators]
    return sorted({each for each in found if each and _width(model, graph, each) > NARROW})


def limits(model, largest):
    """The limits within which a tensor's numbers make a difference, {tensor: (low, high)}.

    ``largest`` has for each of `rows` the largest number of every row on the samples, an array.
    """
    lowest = {each: _lowest(numbers) for each, numbers in largest.items()}
    return _Relevance(model, model.subgraphs[0], lowest).found


def _rows(model, graph, operator):
    number = editing.kind(model, operator)
    if number in SOFTMAXES:
        return Rows(int(operator.inputs[0]), (-1,), 1)
    if number in EXTREMES:
        axes = editing.numbers(model, graph.tensors[operator.inputs[1]])
        if axes is not None:
            return Rows(int(operator.inputs[0]), tuple(int(axis) for axis in np.ravel(axes)), EXTREMES[number])
    return None


def _width(model, graph, each):
    return ranges.width(*ranges.of(model, graph.tensors[each.tensor]))


def _lowest(numbers):
    """The lowest of the rows' largest numbers, without rows that are masked as a whole; None if all are."""
    numbers = numbers[np.isfinite(numbers)]
    return float(numbers[numbers > numbers.max() - MASKED_ROW].min()) if numbers.size else None


class _Relevance:
    """``found`` are the limits by tensor."""

    def __init__(self, model, graph, lowest):
        self._model, self._graph, self._lowest = model, graph, lowest
        self._rules = {
            OPERATORS.ADD: self._sum,
            OPERATORS.DIV: self._quotient,
            OPERATORS.EXP: self._exponential,
            OPERATORS.LOGISTIC: lambda *_: [(-FLAT, FLAT)],
            OPERATORS.MUL: self._product,
            OPERATORS.NEG: lambda _, written: [_negative(written)],
            OPERATORS.RELU: lambda _, written: [_within(written, (0.0, np.inf))],
            OPERATORS.RELU6: lambda _, written: [_within(written, (0.0, 6.0))],
            OPERATORS.SUB: self._difference,
            OPERATORS.TANH: lambda *_: [(-FLAT, FLAT)],
            **dict.fromkeys(COMPARISONS, self._comparison),
        }
        self.found = {int(index): ranges.ALL for index in graph.outputs}
        for operator in reversed(graph.operators):
            written = _union(self.found.get(int(index), NONE) for index in operator.outputs)
            for index, needed in zip(operator.inputs, self._of_inputs(operator, written)):
                self.found[int(index)] = _union([self.found.get(int(index), NONE), needed])

    def _of_inputs(self, operator, written):
        """The limits of each input, from those of what is written."""
        number = editing.kind(self._model, operator)
        count = len(operator.inputs)
        if number in PASSING:
            return [written] * count
        if number in SOFTMAXES or number in EXTREMES:
            return [self._of_rows(operator, number in SOFTMAXES)] + [ranges.ALL] * (count - 1)
        if number == OPERATORS.LEAKY_RELU:
            return [_leaked(written, operator.builtinOptions.alpha)]
        if number not in self._rules:
            return [ranges.ALL] * count
        activation = getattr(operator.builtinOptions, "fusedActivationFunction", None)
        return self._rules[number](operator.inputs, _within(written, CLIPPING.get(activation, ranges.ALL)))

    def _range(self, index):
        return ranges.of(self._model, self._graph.tensors[index])

    def _of_rows(self, operator, is_softmax):
        found = _rows(self._model, self._graph, operator)
        lowest = self._lowest.get(found)
        if lowest is None:
            return ranges.ALL
        if is_softmax:
            count = self._graph.tensors[found.tensor].shape[-1]
            lowest -= (NOTHING + math.log(count)) / (getattr(operator.builtinOptions, "beta", 1.0) or 1.0)
        return (lowest, np.inf) if found.sign > 0 else (-np.inf, -lowest)

    def _exponential(self, inputs, _):
        return [(self._range(inputs[0])[1] - FLAT, np.inf)]

    def _sum(self, inputs, written):
        read = [self._range(index) for index in inputs]
        return [_less(written, other) for other in reversed(read)]

    def _difference(self, inputs, written):
        one, other = (self._range(index) for index in inputs)
        return [_less(written, _negative(other)), _negative(_less(written, one))]

    def _product(self, inputs, written):
        """Of a constant, what masks strongly enough; what is scaled by one, scaled."""
        found = [ranges.ALL] * len(inputs)
        for at, index in enumerate(inputs):
            constant = ranges.constant(self._model, self._graph.tensors[index])
            if constant is None or not constant.size:
                continue
            (low, high), (least, most) = self._range(index), self._range(inputs[1 - at])
            if max(-low, high) <= MODEST:
                found[1 - at] = _scaled(written, low, high)
            if low >= 0.0 and (least >= 0.0 or most <= 0.0):
                found[at] = (-np.inf, _strength(written, least, most))
            elif high <= 0.0 and (least >= 0.0 or most <= 0.0):
                found[at] = (-_strength(written, -most, -least), np.inf)
        return found

    def _quotient(self, inputs, written):
        constant = ranges.constant(self._model, self._graph.tensors[inputs[1]])
        if constant is None or not constant.size or not constant.all():
            return [ranges.ALL, ranges.ALL]
        low, high = sorted((1.0 / float(constant.max()), 1.0 / float(constant.min())))
        return [_scaled(written, low, high), ranges.ALL]

    def _comparison(self, inputs, _):
        """A constant beyond all that it is compared with is as good as one a little beyond."""
        found = []
        for at, index in enumerate(inputs):
            low, high = self._range(inputs[1 - at])
            is_constant = ranges.constant(self._model, self._graph.tensors[index]) is not None
            found.append((low - (high - low), high + (high - low)) if is_constant and high > low else ranges.ALL)
        return found


def _leaked(written, alpha):
    if not alpha > 0.0:
        return ranges.ALL
    return tuple(limit / alpha if limit < 0.0 else limit for limit in written)


def _scaled(written, low, high):
    """The limits of what is multiplied with constants of one sign, from ``low`` to ``high``, by those of the result."""
    if high < 0.0:
        return _negative(_scaled(written, -high, -low))
    if not 0.0 < low <= high < np.inf:
        return ranges.ALL
    return written[0] / (low if written[0] < 0.0 else high), written[1] / (low if written[1] > 0.0 else high)


def _strength(written, least, most):
    """How large a constant is to be at most, so that its products with numbers of one sign, from ``least`` to ``most``,
    go as far beyond the limits of the result as integers can tell.
    """
    beyond = written[1] if least >= 0.0 else -written[0]
    return STRENGTH * max(beyond, 1.0) / (max(-least, most) or 1.0)


def _union(limits):
    return functools.reduce(lambda one, other: (min(one[0], other[0]), max(one[1], other[1])), limits, NONE)


def _within(limits, others):
    return max(limits[0], others[0]), min(limits[1], others[1])


def _negative(limits):
    return -limits[1], -limits[0]


def _less(written, other):
    """Of a sum, the limits of a part where the other part is within its own."""
    low, high = written[0] - other[1], written[1] - other[0]
    return (-np.inf if math.isnan(low) else low), (np.inf if math.isnan(high) else high)
