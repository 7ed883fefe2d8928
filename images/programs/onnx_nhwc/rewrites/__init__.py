"""Rewrites of an ONNX model: the same outputs from fewer or cheaper operators, before any of it is translated."""

from . import concatenation, normalization, shuffle
from .graph import Graph


def rewrite(model, shapes):
    """Apply every rewrite to a model in place. ``shapes`` are those of its inputs by name."""
    for apply in (normalization.absorb, shuffle.unshuffle, concatenation.grow):
        graph = Graph(model, shapes)
        apply(graph)
        graph.save()
