"""The names that an ONNX graph's nodes have in TensorFlow's graph: by these a tensor is found in every runtime."""

import re


def allowed(name):
    """The name with every character replaced that TensorFlow does not allow in a node's name."""
    replaced = re.sub("[^A-Za-z0-9_.-]", "_", name)
    return replaced if re.match("[A-Za-z0-9.]", replaced) else "n" + replaced


def of_node(node):
    """The name scope in which a node's operators stand, for a NodeProto or an object with its fields.

    torch names every node; where there is no name, the operator and its first output make one.
    """
    return allowed(node.name or "_".join([node.op_type, *node.output[:1]]))
