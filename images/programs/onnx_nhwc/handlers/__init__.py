"""Handlers: how an ONNX operator becomes TensorFlow ops.

There is one module per operator family. Operators without a handler here go to onnx-tf's own.
"""

import importlib

from onnx import defs
from onnx_tf import common
from onnx_tf.common.handler_helper import get_all_backend_handlers
from onnx_tf.handlers.backend_handler import BackendHandler

from stagekit import StageError

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
    theirs = get_all_backend_handlers(opsets)
    chosen = [_ours(node) or _theirs(node, theirs) for node in nodes]
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


def _theirs(node, handlers):
    handler = handlers.get(node.domain, {}).get(node.op_type)
    if handler is None or _has_graphs(handler):
        return None
    version = _handled_version(handler)
    if version is None:
        return None

    def handle(node, values):
        handler.SINCE_VERSION = version
        # Any device but the CPU keeps onnx-tf from wrapping what it makes in transposes of its own.
        device, common.sys_config.device = common.sys_config.device, "CUDA"
        try:
            return handler.handle(node, tensor_dict={name: values[name] for name in node.inputs if name}, strict=True)
        finally:
            common.sys_config.device = device

    return handle


def _handled_version(handler):
    """The newest version that onnx-tf has of the operator, None if the one of the model's operator set takes more.

    onnx-tf left versions out that brought nothing but data types: Sigmoid's and Shape's of operator set 13.
    """
    versions = [version for version in handler.get_versions() if version <= handler.SINCE_VERSION]
    if handler.SINCE_VERSION in versions:
        return handler.SINCE_VERSION
    if not versions or _form(handler, max(versions)) != _form(handler, handler.SINCE_VERSION):
        return None
    return max(versions)


def _form(handler, version):
    """What a node of the operator is made of, whatever the data types."""
    schema = defs.get_schema(handler.ONNX_OP, version, handler.DOMAIN)
    values = [(value.name, value.option) for value in [*schema.inputs, *schema.outputs]]
    attributes = [(name, entry.type, entry.default_value) for name, entry in sorted(schema.attributes.items())]
    return values, attributes


def _has_graphs(handler):
    """Whether onnx-tf would look into graphs of the node's own: it makes control flow of them."""
    method = "get_initializer_from_subgraph"
    return getattr(handler, method).__func__ is not getattr(BackendHandler, method).__func__


def _place(op_type, nodes):
    first = nodes[0]
    return "{} ({} of them, the first is node {!r}, output {!r})".format(
        op_type, len(nodes), first.node_proto.name, first.outputs[0]
    )
