"""Which operators and tensors of two graphs belong together: by structure first, then by name, then by contents.

Two rows of operators are aligned as two texts are, but one that has changed is still paired with what it was: each pair
counts for what of it is equal, and the alignment is the one that counts for most.
"""

from collections import Counter
from typing import Dict, List, NamedTuple, Set, Tuple

import numpy as np

# What a pair of operators of one kind counts for. Constants say most, for most kinds occur often; options and shapes
# alone still pair what was trained again, or named otherwise.
_CONSTANTS, _NAMES, _SHAPES, _OPTIONS = 8, 3, 2, 2
# An alignment takes a byte for each pair of operators. Beyond so many, operators are paired by their places.
_MOST_CELLS = 2**27
_UP, _LEFT = 1, 2


class Pairs(NamedTuple):
    """Pairs of places, the first graph's and the other's. ``moved`` are those of the operators that come in another
    order. Each tensor is in one pair at most; ``partners`` are the same pairs by the other graph's places.
    """

    operators: List[Tuple[int, int]]
    moved: Set[Tuple[int, int]]
    tensors: Dict[int, int]
    partners: Dict[int, int]


def pair(one, other):
    """The Pairs of two Graphs."""
    aligned = _aligned(_features(one, other))
    tensors = _Tensors(one, other)
    tensors.follow(aligned)
    moved = list(_moved(one, other, aligned, tensors))
    tensors.finish()
    return Pairs(sorted(aligned + moved), set(moved), tensors.pairs, tensors.partners)


class _Tensors:
    def __init__(self, one, other):
        self._one, self._other = one, other
        self._given, self._given_of_other = frozenset(one.outputs), frozenset(other.outputs)
        self._behind, self._behind_of_other = _behind_dequantize(one), _behind_dequantize(other)
        self.pairs, self.partners = {}, {}
        self._join(_ends(one, other, "inputs"))
        self._put_off = []

    def follow(self, operators):
        """Pair the tensors of pairs of operators, position by position: first what they make, then what they read."""
        for field in ("outputs", "intermediates", "inputs"):
            for at, to in operators:
                for pair in zip(getattr(self._one.operators[at], field), getattr(self._other.operators[to], field)):
                    # Where a file's last operator is another one, what the graph gives is not what this one makes.
                    if (pair[0] in self._given) == (pair[1] in self._given_of_other):
                        self._join([self._seen_through(*pair)])
                    else:
                        self._put_off.append(pair)

    def finish(self):
        """Pair what no pair of operators has: the graph's outputs, by name, and constants by contents."""
        self._join(_ends(self._one, self._other, "outputs"))
        self._join(self._put_off)
        self._join_unique(lambda tensor: tensor.name)
        self._join_unique(lambda tensor: tensor.constant.sha256)

    def _seen_through(self, place, to):
        """Two tensors, or the constant behind one of them, where the other is a constant that needs no DEQUANTIZE."""
        if place in self._behind and to >= 0 and self._other.tensors[to].constant.sha256:
            return self._behind[place], to
        if to in self._behind_of_other and place >= 0 and self._one.tensors[place].constant.sha256:
            return place, self._behind_of_other[to]
        return place, to

    def _join(self, pairs):
        for place, to in pairs:
            if place >= 0 and to >= 0 and place not in self.pairs and to not in self.partners:
                self.pairs[place] = to
                self.partners[to] = place

    def _join_unique(self, key):
        ours = _unique(self._one.tensors, key, self.pairs)
        theirs = _unique(self._other.tensors, key, self.partners)
        self._join([(ours[found], theirs[found]) for found in ours if found and found in theirs])


def _behind_dequantize(graph):
    """Which constant becomes which float before it is read, by the float's place."""
    pairs = [(each.outputs[0], each.inputs[0]) for each in graph.operators if each.kind == "DEQUANTIZE" and each.inputs]
    return {made: read for made, read in pairs if read >= 0 and graph.tensors[read].constant.sha256}


def _ends(one, other, field):
    """Pairs of the graphs' own inputs or outputs: by name where both have the same names, else by position."""
    ours, theirs = getattr(one, field), getattr(other, field)
    named = {other.tensors[place].name: place for place in theirs}
    names = [one.tensors[place].name for place in ours]
    if len(named) == len(theirs) == len(set(names)) and named.keys() == set(names):
        theirs = [named[name] for name in names]
    return list(zip(ours, theirs))


def _unique(tensors, key, but):
    keys = [key(tensor) for tensor in tensors]
    counts = Counter(keys)
    return {found: at for at, found in enumerate(keys) if counts[found] == 1 and at not in but}


def _features(one, other):
    """The features of operators as numbers: two arrays [operators, 5], of kind, constants, names, shapes, options. -1
    is equal to nothing.
    """
    numbers = {}

    def number(value):
        return numbers.setdefault(value, len(numbers))

    def row(graph, operator):
        made = [graph.tensors[place] for place in operator.outputs if place >= 0]
        read = [graph.tensors[place].constant.sha256 for place in operator.inputs if place >= 0]
        constants = tuple(sha256 for sha256 in read if sha256)
        return (
            number(operator.kind),
            number(constants) if constants else -1,
            number(tuple(tensor.name for tensor in made)),
            number(tuple((tensor.signature, tensor.dtype) for tensor in made)),
            number(tuple(sorted(operator.options.items()))),
        )

    def table(graph):
        return np.array([row(graph, operator) for operator in graph.operators], np.int32).reshape(-1, 5)

    return table(one), table(other)


def _aligned(features):
    """Pairs of places in two rows of operators, both ascending. What both begin and end with is paired at once."""
    one, other = features
    most = min(len(one), len(other))
    equal = (one[:most] == other[:most]).all(axis=1)
    start = most if equal.all() else int(np.argmin(equal))
    most -= start
    equal = (one[::-1][:most] == other[::-1][:most]).all(axis=1)
    end = most if equal.all() else int(np.argmin(equal))
    middle = _middle(one[start : len(one) - end], other[start : len(other) - end])
    ends = [(len(one) - end + at, len(other) - end + at) for at in range(end)]
    return [(at, at) for at in range(start)] + [(start + at, start + to) for at, to in middle] + ends


def _middle(one, other):
    if len(one) * len(other) > _MOST_CELLS:
        return [(at, at) for at in range(min(len(one), len(other))) if one[at, 0] == other[at, 0]]
    steps = np.zeros((len(one), len(other)), np.uint8)
    best = np.zeros(len(other) + 1, np.int32)
    for at, operator in enumerate(one):
        before, best = best, best.copy()
        best[1:] = np.maximum.accumulate(np.maximum(before[1:], before[:-1] + _worth(operator, other)))
        steps[at] = np.where(best[1:] == before[1:], _UP, np.where(best[1:] == best[:-1], _LEFT, 0))
    pairs = []
    at, to = len(one) - 1, len(other) - 1
    while at >= 0 and to >= 0:
        step = steps[at, to]
        if not step:
            pairs.append((at, to))
        at, to = at - (step != _LEFT), to - (step != _UP)
    return pairs[::-1]


def _worth(operator, others):
    """What a pair of an operator with each of the others counts for: 0 where they are of different kinds."""
    kind, constants, names, shapes, options = operator
    worth = _NAMES * (others[:, 2] == names) + _SHAPES * (others[:, 3] == shapes) + _OPTIONS * (others[:, 4] == options)
    if constants >= 0:
        worth += _CONSTANTS * (others[:, 1] == constants)
    return np.where(others[:, 0] == kind, worth, 0)


def _moved(one, other, aligned, tensors):
    """Pairs of what is left, in another order: of one kind, with the same outputs' names, or reading the same."""
    ours = sorted(set(range(len(one.operators))) - {at for at, _ in aligned})
    theirs = sorted(set(range(len(other.operators))) - {to for _, to in aligned})
    for key in (_by_names, _by_inputs):
        waiting = {}
        for to in reversed(theirs):
            waiting.setdefault(key(other, to), []).append(to)
        found = {}
        for at in ours:
            places = waiting.get(key(one, at, tensors.pairs), ())
            if places:
                found[at] = places.pop()
                # What comes after may be told by what it reads of this one.
                tensors.follow([(at, found[at])])
        yield from found.items()
        ours, theirs = sorted(set(ours) - set(found)), sorted(set(theirs) - set(found.values()))


def _by_names(graph, at, _=None):
    operator = graph.operators[at]
    names = tuple(graph.tensors[place].name for place in operator.outputs if place >= 0)
    # A file may leave all of its names out.
    return (operator.kind, names) if any(names) else (id(graph), at)


def _by_inputs(graph, at, pairs=None):
    """The kind of an operator, its options and what it reads: constants, and tensors by the other graph's places."""
    operator = graph.operators[at]
    read = []
    for place in operator.inputs:
        constant = graph.tensors[place].constant.sha256 if place >= 0 else ""
        read.append(constant or (place if pairs is None or place < 0 else pairs.get(place, (at, place))))
    return operator.kind, tuple(sorted(operator.options.items())), tuple(read)
