"""How two files differ around their graphs: signatures, metadata, and the order of their parts."""

from .difference import Difference

# In bytes, of metadata that is shown as text.
_SHORT = 40


def differences(one, other, graphs):
    """Every Difference of two Models that is in none of their ``graphs``."""
    if len(one.graphs) != len(other.graphs):
        yield Difference("graphs", "file", "graphs", str(len(one.graphs)), str(len(other.graphs)), about="graphs")
    yield from _signatures(one, other, graphs)
    yield from _metadata(one, other)
    yield from _layout(one, other, graphs)


def _signatures(one, other, graphs):
    """Signatures by their keys, in them names by the tensors that they lead to."""
    ours, theirs = ({signature.key: signature for signature in model.signatures} for model in (one, other))
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in ours or key not in theirs:
            whose = "first" if key in ours else "other"
            yield Difference("signatures", "signature {}".format(key), "only in the {}".format(whose))
            continue
        first, second = ours[key], theirs[key]
        if first.graph != second.graph:
            yield Difference("signatures", "signature {}".format(key), "graph", str(first.graph), str(second.graph))
            continue
        partners = graphs[first.graph].pairs.tensors
        for field in ("inputs", "outputs"):
            where = "signature {} {}".format(key, field)
            names = [(partners.get(place, (place, "of the first")), name) for name, place in getattr(first, field)]
            others = [(place, name) for name, place in getattr(second, field)]
            alone, alone_in_other = dict(set(names) - set(others)), dict(set(others) - set(names))
            for place in sorted(alone.keys() | alone_in_other.keys(), key=str):
                yield Difference("signatures", where, "", alone.get(place, ""), alone_in_other.get(place, ""))


def _metadata(one, other):
    if one.version != other.version:
        yield Difference("metadata", "file", "schema version", str(one.version), str(other.version))
    if one.description != other.description:
        yield Difference("metadata", "file", "description", one.description, other.description)
    ours, theirs = (dict(model.metadata) for model in (one, other))
    for name in sorted(ours.keys() | theirs.keys()):
        values = [model[name].data.tobytes() if name in model else b"" for model in (ours, theirs)]
        if values[0] != values[1] or (name in ours) != (name in theirs):
            yield Difference("metadata", "metadata", name, *map(_in_words, values))


def _in_words(value):
    text = value.rstrip(b"\0").decode("ascii", "replace")
    return text if len(value) <= _SHORT and text.isprintable() else "{} bytes".format(len(value))


def _layout(one, other, graphs):
    """The order of what is referred to by number, and what nothing refers to."""
    if one.codes != other.codes and sorted(one.codes) == sorted(other.codes):
        yield Difference("layout", "operator codes", "come in another order")
    unused = [_unused_codes(model) for model in (one, other)]
    if unused[0] != unused[1]:
        yield Difference("layout", "operator codes", "that no operator has", *map(", ".join, unused))
    if len(one.buffers) != len(other.buffers):
        yield Difference("layout", "buffers", "number", str(len(one.buffers)), str(len(other.buffers)))
    buffers = []
    for at, each in enumerate(graphs):
        pairs = sorted(each.pairs.tensors.items())
        if not _ascending(pairs):
            yield Difference("layout", "tensors of graph {}".format(at), "come in another order")
        tensors = [(each.one.tensors[place], each.other.tensors[to]) for place, to in pairs]
        buffers += [(ours.buffer, theirs.buffer) for ours, theirs in tensors if ours.constant.sha256]
    if not _ascending(buffers):
        yield Difference("layout", "buffers", "come in another order")


def _ascending(pairs):
    """Whether the second of pairs of numbers never descend where the first don't."""
    seconds = [second for _, second in sorted(pairs)]
    return seconds == sorted(seconds)


def _unused_codes(model):
    used = {(operator.kind, operator.version) for graph in model.graphs for operator in graph.operators}
    return ["{} {}".format(*code) for code in sorted(set(model.codes) - used)]
