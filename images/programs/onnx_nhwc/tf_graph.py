"""Building a TensorFlow graph from an ONNX model, node by node."""

import functools
import traceback
from collections import OrderedDict

import tensorflow as tf

from stagekit import StageError, layouts, scopes
from stagekit.errors import pass_on

from . import handlers
from .handlers import dtypes, window
from .handlers.handler import CUT, UnsupportedError
from .handlers.values import Values
from .node import Node


def build(model, inputs, *, nhwc_inputs=(), nhwc_outputs=(), select_tf=False):
    """A tf.Graph that computes the model in its own layout (NCHW), with the weights as constants.

    ``inputs`` are [{name, shape, dtype}]. Those named in ``nhwc_inputs`` and ``nhwc_outputs`` have their channels last,
    beyond a transpose that the layout pass is to take out. ``select_tf`` allows operators that TFLite itself lacks.
    Returns the graph and its inputs and outputs: tensors by ONNX name, in order, whose node names are the ONNX names as
    far as TensorFlow's alphabet allows.

    A StageError of kind "model" names every operator that has no handler, or the first node whose handler failed.
    """
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    graph = tf.Graph()
    with graph.as_default():
        values = Values(
            model.graph.initializer,
            opsets.get("") or opsets.get("ai.onnx"),
            functools.partial(_translate, opsets),
            select_tf=select_tf,
        )
        fed = OrderedDict()
        for spec in inputs:
            name, order = spec["name"], layouts.to_nhwc(len(spec["shape"]))
            shape = [spec["shape"][axis] for axis in order] if name in nhwc_inputs else spec["shape"]
            fed[name] = tf.compat.v1.placeholder(spec["dtype"], shape, graph.unique_name(scopes.allowed(name)) + "/")
            values[name] = _from_nhwc(fed[name]) if name in nhwc_inputs else fed[name]
        # Taken before any other node can have them.
        reserved = [(value.name, graph.unique_name(scopes.allowed(value.name))) for value in model.graph.output]
        values.translate(model.graph.node)
        served = OrderedDict()
        for name, taken in reserved:
            value = _to_nhwc(values[name]) if name in nhwc_outputs else values[name]
            served[name] = tf.identity(value, taken + "/")
    return graph, fed, served


def _from_nhwc(x):
    """The layout pass knows images: a sequence goes as one of height 1, as it does through the handlers."""
    if x.shape.rank == 3:
        return window.as_sequence(_from_nhwc(tf.expand_dims(x, 1)))
    return tf.transpose(x, layouts.from_nhwc(x.shape.rank))


def _to_nhwc(x):
    if x.shape.rank == 3:
        return tf.squeeze(_to_nhwc(window.as_image(x)), [1])
    return tf.transpose(x, layouts.to_nhwc(x.shape.rank))


def _translate(opsets, protos, values):
    nodes = [Node(proto) for proto in protos]
    for node, handler in zip(nodes, handlers.choose(nodes, opsets)):
        _handle(node, handler, values)


def _handle(node, handler, values):
    try:
        dtypes.check(node, values)
        with tf.name_scope(node.name):
            outputs = [_without_operators_if_empty(tensor) for tensor in handler(node, values)]
    except UnsupportedError as error:
        raise _refusal(node, error, error.hint) from error
    except StageError:
        # Of a node in a body.
        raise
    except Exception as error:
        pass_on(error)
        traceback.print_exc()
        raise _refusal(node, *_failure(node, error, values)) from error
    for name, tensor in zip(node.outputs, outputs):
        values[name] = tensor


def _failure(node, error, values):
    """Why a handler failed, and what to do."""
    for name, tensor in values.computed(node).items():
        if not tensor.shape.is_fully_defined():
            return "the data decides how large its input {!r} is, {}".format(name, tensor.shape), CUT.format(name)
    reason = "{}: {}".format(type(error).__name__, error)
    return reason, "replace this operator in the model with others that mean the same"


def _without_operators_if_empty(tensor):
    """TFLite's operators are not made to have nothing to do."""
    return tf.zeros(tensor.shape, tensor.dtype) if tensor.shape.num_elements() == 0 else tensor


def _refusal(node, reason, hint):
    place = "{} (node {!r}, output {!r})".format(node.op_type, node.node_proto.name, node.outputs[0])
    return StageError("model", "{} can't be translated: {}".format(place, reason), hint)
