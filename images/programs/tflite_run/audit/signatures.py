"""Rules for signatures: each leads from names to the inputs and outputs of its graph."""

from collections import Counter

from .finding import Finding


def findings(model):
    """Every Finding about a file's signatures."""
    keys = Counter(signature.key for signature in model.signatures)
    for key in sorted(key for key, count in keys.items() if count > 1):
        yield Finding("signatures", "signature {}".format(key), "{} signatures have this key".format(keys[key]))
    for signature in model.signatures:
        graph = model.graphs[signature.graph]
        for side in ("inputs", "outputs"):
            where = "signature {} {}".format(signature.key, side)
            for what, tensor in _side(getattr(signature, side), getattr(graph, side), graph, side):
                yield Finding("signatures", where, what, tensor)


def _side(named, places, graph, side):
    names = Counter(name for name, _ in named)
    for name in sorted(name for name, count in names.items() if count > 1):
        yield "{} tensors are called {!r}".format(names[name], name), ""
    for name, place in named:
        if place not in places:
            yield "{!r} is none of the graph's {}".format(name, side), graph.tensors[place].name
    for place in sorted(set(places) - {place for _, place in named}):
        yield "one of the graph's {} has no name".format(side), graph.tensors[place].name
