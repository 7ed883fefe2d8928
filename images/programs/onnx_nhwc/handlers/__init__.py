"""Handlers: how an ONNX operator becomes TensorFlow ops.

There is one module per operator family. Operators without a handler here go to onnx-tf's own.
"""

import importlib

from stagekit import StageError, tensorflow_imports

from .handler import HANDLERS

FAMILIES = (
    "activation",
    "arithmetic",
    "control_flow",
    "convolution",
    "detection",
    "dtypes",
    "elementary",
    "indexing",
    "linear",
    "logic",
    "loss",
    "ngrams",
    "normalization",
    "padding",
    "pooling",
    "quantize_linear",
    "random_numbers",
    "recurrent",
    "reduction",
    "resizing",
    "shaping",
    "softmax",
)
for family in FAMILIES:
    importlib.import_module("." + family, __name__)


def choose(nodes, opsets):
    """The handler of each node, for the operator sets given as {domain: version}.

    A StageError of kind "model" names every operator that has none.
    """
    chosen = [_ours(node) for node in nodes]
    if None in chosen:
        theirs = _theirs([node for node, handler in zip(nodes, chosen) if handler is None], opsets)
        chosen = [handler or next(theirs) for handler in chosen]
    missing = {}
    for node, handler in zip(nodes, chosen):
        if handler is None:
            missing.setdefault(node.op_type, []).append(node)
    if missing:
        raise StageError(
            "model",
            "no translation to TensorFlow for " + "; ".join(_place(op, found) for op, found in sorted(missing.items())),
            "replace these operators in the model with others that mean the same",
        )
    return chosen


def _ours(node):
    return HANDLERS.get(node.op_type) if node.domain in ("", "ai.onnx") else None


def _theirs(nodes, opsets):
    # Importing them takes as long as importing TensorFlow does, and most models need none.
    tensorflow_imports.finish()
    return iter(importlib.import_module(".onnx_tf_handlers", __name__).choose(nodes, opsets))


def _place(op_type, nodes):
    first = nodes[0]
    return "{} ({} of them, the first is node {!r}, output {!r})".format(
        op_type, len(nodes), first.node_proto.name, first.outputs[0]
    )
