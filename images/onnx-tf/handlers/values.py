import tensorflow as tf
from onnx import numpy_helper


class Values:
    """The values of a graph that is being built, by ONNX name.

    Weights stay numpy arrays until a handler asks for a tensor, so that one that folds or transposes them does not
    leave a second copy in the graph.
    """

    def __init__(self, initializers):
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
