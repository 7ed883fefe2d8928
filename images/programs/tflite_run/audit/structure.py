"""All rules together, for a whole file."""

from . import graph_order, integer_operators, shapes, signatures, tensors
from .finding import KINDS, named


def findings(model):
    """Every Finding about the structure of a Model, in the order of `KINDS`."""
    found = list(signatures.findings(model)) + list(graph_order.unused_buffers(model))
    for number, graph in enumerate(model.graphs):
        prefix = "graph {}: ".format(number) if number else ""
        met = _met(graph, prefix)
        found += tensors.findings(graph, met)
        found += graph_order.findings(graph, met, prefix)
        found += integer_operators.findings(graph, prefix)
        found += shapes.findings(graph, prefix)
    return sorted(found, key=lambda each: (not each.wrong, KINDS.index(each.kind)))


def _met(graph, prefix):
    """The words for each tensor: where it is met first."""
    met = {}
    for number, place in enumerate(graph.inputs):
        met.setdefault(place, "{}input {}".format(prefix, number))
    for at, operator in enumerate(graph.operators):
        for field in ("inputs", "outputs"):
            for number, place in enumerate(getattr(operator, field)):
                met.setdefault(place, "{} {} {}".format(named(graph, at, prefix), field[:-1], number))
    for place in range(len(graph.tensors)):
        met.setdefault(place, "{}tensor {}".format(prefix, place))
    return met
