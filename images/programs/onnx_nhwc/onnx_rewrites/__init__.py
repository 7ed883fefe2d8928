"""Rewrites of an ONNX model: the same outputs from fewer or cheaper operators, before any of it is translated.

`REWRITES` lists all of them in their order. A rewrite is a module with a function ``apply(graph)``, which changes an
`onnx_graph.Graph` in place. To add one, add a module and a row, and a case in
``tests/programs/onnx_translate/test_onnx_rewrites.py``.
"""

from types import ModuleType
from typing import NamedTuple

from . import (
    attention_heads,
    batch_normalization,
    batched_transposes,
    channel_factors,
    channel_shuffle,
    gelu,
    growing_concatenation,
    idle_guards,
    kept_scales,
    layer_factors,
    one_group,
    tokens,
)
from .onnx_graph import Graph


class Rewrite(NamedTuple):
    """A row of the table: ``saves`` says what costs less with it."""

    module: ModuleType
    saves: str


REWRITES = (
    Rewrite(batch_normalization, "a normalization before a convolution becomes part of its weights"),
    Rewrite(one_group, "an image is normalized as a whole with its channels where they are"),
    Rewrite(channel_factors, "so do the factors and offsets with which a normalization of layers ends"),
    Rewrite(batched_transposes, "matrices are transposed by the product that reads them, not before"),
    Rewrite(attention_heads, "queries, keys and values are layers of their own, which nothing has to cut apart"),
    Rewrite(layer_factors, "the scale of an attention becomes part of the weights before it"),
    Rewrite(tokens, "with channels last, an image is rows without being transposed"),
    Rewrite(channel_shuffle, "channels are put in another order by the weights of the convolutions around them"),
    Rewrite(growing_concatenation, "a concatenation reads the shorter one with which it begins"),
    Rewrite(gelu, "GELU takes fewer operators than it is spelled out with"),
    Rewrite(idle_guards, "nothing looks for NaN in the rows of an attention, where a finite mask leaves none"),
    Rewrite(kept_scales, "a scale of the model's own is not overwritten, which would take another rounding everywhere"),
)


def rewrite(model, shapes):
    """Apply every rewrite to a model in place. ``shapes`` are those of its inputs by name."""
    for each in REWRITES:
        graph = Graph(model, shapes)
        each.module.apply(graph)
        graph.save()
