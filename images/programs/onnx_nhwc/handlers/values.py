"""The tensors that are computed so far, by ONNX's names."""

import tensorflow as tf
from onnx import numpy_helper

from .handler import UnsupportedError


class Values:
    """The values of a graph that is being built, by ONNX name. ``opset`` is the version of ONNX's own operators.

    Weights stay numpy arrays until a handler asks for a tensor, so that one that folds or transposes them does not
    leave a second copy in the graph. ``select_tf`` allows operators that TFLite has from TensorFlow only. ``volumes``,
    ``transposes``, ``rows`` and ``ranges`` are what `handlers.volume`, `handlers.shaping`, `handlers.linear` and
    `handlers.quantize_linear` remember of tensors.

    ``translator`` is a function of NodeProtos and the `Values` that it adds what they compute to.
    """

    def __init__(self, initializers, opset, translator, *, select_tf=False):
        self.opset = opset
        self.select_tf = select_tf
        self._translator = translator
        self.volumes = {}
        self.transposes = {}
        self.rows = {}
        self.ranges = {}
        self._weights = {weight.name: weight for weight in initializers}
        self._tensors = {}

    def __setitem__(self, name, tensor):
        self._tensors[name] = tensor

    def __getitem__(self, name):
        """The value as a tensor."""
        if name not in self._tensors:
            # A scope of their own: a weight belongs to more nodes than the one that asks first.
            with tf.name_scope("weights/"):
                self._tensors[name] = tf.constant(numpy_helper.to_array(self._weights[name]))
        return self._tensors[name]

    def translate(self, nodes):
        """Add what nodes compute, each after those whose outputs it reads."""
        self._translator(nodes, self)

    def of_body(self, initializers):
        """The values of another graph of the same model, of which nothing is computed so far."""
        return Values(initializers, self.opset, self._translator, select_tf=self.select_tf)

    def __contains__(self, name):
        return name in self._tensors or name in self._weights

    def inputs(self, node):
        """All of the node's inputs as tensors; None for one that is left out."""
        return [self[name] if name else None for name in node.inputs]

    def tensors(self, node):
        """Those of the node's inputs that are tensors so far, by name."""
        return {name: self._tensors[name] for name in node.inputs if name in self._tensors}

    def computed(self, node):
        """Those of the node's inputs that are not known now, as tensors by name."""
        return {name: tensor for name, tensor in self.tensors(node).items() if tf.get_static_value(tensor) is None}

    def constant(self, name):
        """The value as a numpy array if it is known now, else None."""
        if name in self._tensors:
            return tf.get_static_value(self._tensors[name])
        return numpy_helper.to_array(self._weights[name])

    def parameter(self, node, index, attribute, default=None):
        """What newer operator sets give as an input and older ones as an attribute; ``default`` if it is left out.

        An input is a numpy array if it is known now, else a tensor.
        """
        if len(node.inputs) > index and node.inputs[index]:
            known = self.constant(node.inputs[index])
            return self[node.inputs[index]] if known is None else known
        return node.attrs.get(attribute, default)

    def fixed(self, node, index, attribute, default=None):
        """`parameter`, which must be known now. An UnsupportedError says that it is not."""
        found = self.parameter(node, index, attribute, default)
        if tf.is_tensor(found):
            raise UnsupportedError(
                "its {} is computed by the model".format(attribute),
                "make it a constant of the model: export the model for a fixed input size",
            )
        return found
