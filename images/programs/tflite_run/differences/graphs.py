"""How two graphs of two files differ: operators and what they read, tensors, weights, names."""

from typing import Dict, NamedTuple

import numpy as np

from ..parts import Graph
from . import pairing, weights
from .difference import Difference

# How many scales, zero points and sizes are written out.
_SHORT = 8


class Graphs(NamedTuple):
    """Two graphs, what belongs together in them, and in words: their operators, and where tensors are ``met`` first."""

    prefix: str
    one: Graph
    other: Graph
    pairs: pairing.Pairs
    operators: Dict[int, str]
    operators_of_other: Dict[int, str]
    met: Dict[int, str]


def paired(at, one, other):
    """The Graphs that are at the same place in their files."""
    pairs = pairing.pair(one, other)
    prefix = "graph {}: ".format(at) if at else ""
    ours = {place: "{}{} {}".format(prefix, each.kind, place) for place, each in enumerate(one.operators)}
    theirs = {place: "{}{} {}".format(prefix, each.kind, place) for place, each in enumerate(other.operators)}
    for place, to in pairs.operators:
        ours[place] = theirs[to] = ours[place] if place == to else "{}/{}".format(ours[place], to)
    met = _met(prefix, one, ours)
    return Graphs(prefix, one, other, pairs, ours, theirs, met)


def differences(graphs, spend):
    """Every Difference of two graphs. ``spend`` is called with the bytes of two constants before they are compared."""
    yield from _operators(graphs)
    yield from _ends(graphs)
    yield from _tensors(graphs)
    yield from _constants(graphs, spend)
    if graphs.one.name != graphs.other.name:
        yield Difference("names", graphs.prefix + "graph", "", graphs.one.name, graphs.other.name)


def _met(prefix, graph, operators):
    """Where each tensor is met first: as the graph's own input, or as what an operator reads or makes."""
    met = {}
    for at, place in enumerate(graph.inputs):
        met.setdefault(place, "{}input {}".format(prefix, at))
    for number, operator in enumerate(graph.operators):
        for field in ("input", "intermediate", "output"):
            for at, place in enumerate(getattr(operator, field + "s")):
                met.setdefault(place, "{} {} {}".format(operators[number], field, at))
    for place in range(len(graph.tensors)):
        met.setdefault(place, "{}tensor {}".format(prefix, place))
    return met


def _operators(graphs):
    """What is in one graph alone, comes in another order, or has changed."""
    pairs = graphs.pairs
    for place in sorted(graphs.operators.keys() - {place for place, _ in pairs.operators}):
        yield _of_operator(graphs, place, "operators", "only in the first")
    for to in sorted(graphs.operators_of_other.keys() - {to for _, to in pairs.operators}):
        where = graphs.operators_of_other[to]
        yield Difference("operators", where, "only in the other", about=("operator of the other", graphs.prefix, to))
    for place, to in pairs.operators:
        if (place, to) in pairs.moved:
            yield _of_operator(graphs, place, "order", "comes in another order")
        ours, theirs = graphs.one.operators[place], graphs.other.operators[to]
        for name in sorted(ours.options.keys() | theirs.options.keys()):
            values = ours.options.get(name, ""), theirs.options.get(name, "")
            if values[0] != values[1]:
                yield _of_operator(graphs, place, "options", name, *values)
        if ours.version != theirs.version:
            yield _of_operator(graphs, place, "versions", "version", str(ours.version), str(theirs.version))
        for what, ends in _read(ours, theirs):
            if _rewired(graphs, *ends):
                yield _of_operator(graphs, place, "connections", what, *_named(graphs, *ends))


def _of_operator(graphs, place, kind, *words):
    return Difference(kind, graphs.operators[place], *words, about=("operator", graphs.prefix, place))


def _read(ours, theirs):
    """Which tensors two operators have at the same position, -1 for none: [("input 0", (place, to))]."""
    for field in ("input", "output", "intermediate"):
        sides = getattr(ours, field + "s"), getattr(theirs, field + "s")
        for at in range(max(map(len, sides))):
            yield "{} {}".format(field, at), tuple(side[at] if at < len(side) else -1 for side in sides)


def _rewired(graphs, place, to):
    """Whether two tensors at the same position are different ones. Constants are reported by their values, and a tensor
    without a partner by its operator, which has none either.
    """
    if place < 0 or to < 0:
        return (place < 0) != (to < 0)
    ours, theirs = bool(graphs.one.tensors[place].constant.sha256), bool(graphs.other.tensors[to].constant.sha256)
    if graphs.pairs.tensors.get(place) == to or (ours and theirs):
        return False
    return (ours or place in graphs.pairs.tensors) and (theirs or to in graphs.pairs.partners)


def _named(graphs, place, to):
    return [graph.tensors[at].name if at >= 0 else "" for graph, at in ((graphs.one, place), (graphs.other, to))]


def _ends(graphs):
    """Whether the graph's own inputs and outputs are the same tensors, in the same order."""
    for field in ("input", "output"):
        ours, theirs = getattr(graphs.one, field + "s"), getattr(graphs.other, field + "s")
        where = "{}{}".format(graphs.prefix, field)
        if len(ours) != len(theirs):
            yield Difference("connections", where + "s", "number", str(len(ours)), str(len(theirs)), about=where)
            continue
        rewired = [(at, pair) for at, pair in enumerate(zip(ours, theirs)) if _rewired(graphs, *pair)]
        if rewired and sorted(graphs.pairs.tensors.get(place, -1) for place in ours) == sorted(theirs):
            yield Difference("order", where + "s", "come in another order")
            continue
        for at, pair in rewired:
            name = "{} {}".format(where, at)
            yield Difference("connections", name, "", *_named(graphs, *pair), about=name)


def _tensors(graphs):
    """Shapes, types, quantization and names of the tensors that belong together."""
    for place, to in _in_order(graphs):
        ours, theirs = graphs.one.tensors[place], graphs.other.tensors[to]
        if (ours.name, *ours[1:5], *ours[7:]) == (theirs.name, *theirs[1:5], *theirs[7:]):
            continue
        for kind, what, one, other in _fields(ours, theirs):
            if one != other:
                about = ("tensor", graphs.prefix, place)
                yield Difference(kind, graphs.met[place], what, str(one), str(other), ours.name, about=about)


def _in_order(graphs):
    """The pairs of tensors as they are met."""
    partners = graphs.pairs.tensors
    return [(place, partners[place]) for place in graphs.met if place in partners]


def _fields(ours, theirs):
    """[(kind, what, ours, theirs)] of two tensors, in words where they differ."""
    yield "shapes", "", _size(ours), _size(theirs)
    yield "types", "", ours.dtype, theirs.dtype
    yield "types", "keeps its values", ours.variable, theirs.variable
    if ours.sparsity != theirs.sparsity:
        yield "types", "sparse", bool(ours.sparsity), "in another way" if theirs.sparsity else False
    one, other = ours.quantization, theirs.quantization
    for what, field in (("scales", "scales"), ("zero points", "zero_points")):
        numbers = getattr(one, field), getattr(other, field)
        if numbers[0] != numbers[1]:
            yield ("quantization", _counted(what, *numbers), *map(_in_words, numbers))
    if len(one.scales) > 1 or len(other.scales) > 1:
        yield "quantization", "axis", one.axis, other.axis
    yield "quantization", "custom", one.custom, other.custom
    if one.seen != other.seen:
        yield ("metadata", "smallest and largest seen", *(_in_words(sum(each.seen, ())) for each in (one, other)))
    yield "names", "", ours.name, theirs.name


def _size(tensor):
    """The sizes, "?" for one that is left open; and, where it does not follow, what is allocated until it is known."""
    words = "x".join("?" if size < 0 else str(size) for size in tensor.signature) or "scalar"
    if tensor.shape == tensor.signature:
        return words
    return "{} ({} at first)".format(words, "x".join(map(str, tensor.shape)))


def _counted(what, ours, theirs):
    """How many of many numbers are others."""
    if len(ours) != len(theirs) or len(ours) < 2:
        return what
    differing = np.count_nonzero(np.array(ours, np.float64) != np.array(theirs, np.float64))
    return "{} of {} {}".format(differing, len(ours), what)


def _in_words(numbers):
    if len(numbers) > _SHORT:
        return "{} from {:.9g} to {:.9g}".format(len(numbers), min(numbers), max(numbers))
    return ", ".join("{:.9g}".format(number) for number in numbers)


def _constants(graphs, spend):
    """How the constants are related that belong together, or are read at the same place."""
    pairs = dict.fromkeys(_in_order(graphs))
    for place, to in graphs.pairs.operators:
        pairs.update(dict.fromkeys(ends for _, ends in _read(graphs.one.operators[place], graphs.other.operators[to])))
    for place, to in pairs:
        if place < 0 or to < 0:
            continue
        ours, theirs = graphs.one.tensors[place], graphs.other.tensors[to]
        if ours.constant.sha256 and theirs.constant.sha256:
            if not weights.same(ours, theirs):
                spend(ours.constant.data.size + theirs.constant.data.size)
            found = weights.compare(ours, theirs)
            words = [_in_words(each) for each in map(weights.few, (ours, theirs))]
            about = ("constant", graphs.prefix, place, to)
            yield Difference("weights", graphs.met[place], "", *words, ours.name, found, about)
