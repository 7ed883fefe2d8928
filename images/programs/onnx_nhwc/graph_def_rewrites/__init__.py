"""Rewrites of TensorFlow's graph, between its layout optimizer and the converter of TensorFlow 2.4.1.

The one leaves operators that TFLite has no form of, and of some that it has the other makes a wrong or a slow file.

`REWRITES` lists all of them in their order. A rewrite is a module with a function ``apply(graph_def)``, which changes a
GraphDef in place: nodes keep their names and what they compute. `graph_def` has what they share. To add one, add a
module and a row, and a case in ``tests/programs/onnx_translate``.
"""

from types import ModuleType
from typing import NamedTuple

from . import (
    batch_matmuls,
    hard_swish_factor,
    lost_activations,
    padded_transposes,
    sheltered_operators,
    squares,
    sums,
)


class Rewrite(NamedTuple):
    """A row of the table: ``mends`` says what is wrong without it."""

    module: ModuleType
    mends: str


REWRITES = (
    Rewrite(squares, "the optimizer squares what is multiplied by itself: TFLite squares no integers"),
    Rewrite(sums, "the optimizer makes one of sums that follow one another: no delegate takes it over"),
    Rewrite(hard_swish_factor, "the optimizer moves the factor by which the converter knows a hard swish"),
    Rewrite(padded_transposes, "the runtime can't make padding part of a convolution through a transpose"),
    Rewrite(sheltered_operators, "the converter pulls transposes through operators that it then has no form of"),
    Rewrite(lost_activations, "the converter forgets an activation between a sum with one number and a convolution"),
    Rewrite(batch_matmuls, "the converter takes a product of many matrices apart"),
)


def rewrite(graph_def):
    """Apply every rewrite to a GraphDef in place."""
    for each in REWRITES:
        each.module.apply(graph_def)
