"""Control flow that data decides: If becomes TFLite's IF. What runs nobody knows how often is refused."""

import tensorflow as tf
from onnx import numpy_helper

from .. import frozen_graph, layout
from ..onnx_rewrites import onnx_graph
from .handler import CUT, UnsupportedError, handles

BRANCHES = ("then_branch", "else_branch")


@handles("If")
def if_(node, values):
    bodies = onnx_graph.attributes(node.node_proto)
    if any(len(bodies[name].output) != len(node.outputs) for name in BRANCHES):
        raise UnsupportedError("its branches don't have as many outputs as it has", CUT.format(node.inputs[0]))
    branches = [_Branch(bodies[name], values) for name in BRANCHES]
    found = tf.cond(tf.reshape(values[node.inputs[0]], []), *(branch.outputs for branch in branches))
    if not all(tensor.shape.is_fully_defined() for tensor in found):
        raise UnsupportedError(
            "its branches compute tensors of different shapes, {}".format(
                " and ".join(", ".join(str(tensor.shape) for tensor in branch.made) for branch in branches)
            ),
            CUT.format(node.inputs[0]),
        )
    return found


@handles("Loop", "Scan")
def loop(node, values):
    body = onnx_graph.attributes(node.node_proto)["body"]
    most = values.constant(node.inputs[0]) if node.op_type == "Loop" and node.inputs[0] else None
    raise UnsupportedError(
        "it is unrolled only if no data decides how often it runs, and into 5000 operators at most; "
        "this one has {} operators{}".format(
            len(body.node), "" if most is None else ", and up to {} turns".format(most)
        ),
        CUT.format(next(filter(None, reversed(node.inputs)))),
    )


class _Branch:
    """A body as a graph of its own, lowered like a model: what it reads of the graph around it are its inputs.

    ``made`` are its outputs, before it is turned to NHWC.
    """

    def __init__(self, body, values):
        read = [name for name in onnx_graph.read(body) if name in values]
        known = {name: values.constant(name) for name in read}
        computed = [name for name in read if known[name] is None]
        weights = [numpy_helper.from_array(array, name) for name, array in known.items() if array is not None]
        self._fed = [values[name] for name in computed]
        with tf.Graph().as_default() as graph:
            inner = values.of_body([*body.initializer, *weights])
            inputs = [tf.compat.v1.placeholder(tensor.dtype, tensor.shape) for tensor in self._fed]
            for name, tensor in zip(computed, inputs):
                inner[name] = tensor
            inner.translate(body.node)
            self.made = [tf.identity(inner[value.name]) for value in body.output]
        fed, made = ({tensor.op.name: tensor for tensor in side} for side in (inputs, self.made))
        lowered = layout.channels_last(frozen_graph.meta_graph(graph, fed, made), list(fed), list(made))
        self._graph_def, self._inputs, self._outputs = lowered.graph_def, list(fed), list(made)

    def outputs(self):
        """The outputs, in the graph of a function, which an identity takes its inputs into."""
        fed = dict(zip(self._inputs, map(tf.identity, self._fed)))
        return tf.import_graph_def(self._graph_def, fed, [name + ":0" for name in self._outputs], name="")
