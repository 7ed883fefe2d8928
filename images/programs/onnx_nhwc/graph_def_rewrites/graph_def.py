"""What rewrites of a GraphDef share."""

from collections import Counter

import tensorflow as tf


def producer(reference):
    """The node that an input (name, name:1 or ^name) comes from."""
    return reference.lstrip("^").split(":")[0]


def operands(node):
    """The inputs of a node that are values; others, ^name, only have to run before it."""
    return [name for name in node.input if not name.startswith("^")]


def readers(graph_def):
    """How many nodes read each node."""
    return Counter(producer(reference) for node in graph_def.node for reference in node.input)


def add_constant(graph_def, name, array):
    """A new constant node."""
    found = graph_def.node.add(name=name)
    set_constant(found, array)
    return found


def set_constant(node, array):
    """Make a constant of a node that has no inputs."""
    node.op = "Const"
    node.attr.clear()
    node.attr["dtype"].type = tf.as_dtype(array.dtype).as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(array))


def numbers(node):
    """The elements of a constant node, an array."""
    return tf.make_ndarray(node.attr["value"].tensor)


def imported(graph_def):
    """The tf.Graph of a GraphDef, which knows the shapes of tensors."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return graph
