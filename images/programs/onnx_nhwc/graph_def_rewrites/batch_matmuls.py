"""Products of many matrices (BatchMatMul), kept whole.

TFLite has an operator for them, but the converter of TensorFlow 2.4.1 takes a product whose shapes it knows apart,
matrix by matrix: attention becomes thousands of operators. So a shape is hidden from the converter until that step is
over. The node that hides it is dropped then, and the result's shape is stated.

TensorFlow 2.4.1's interpreter turns the rows and columns of a constant on the right at the first invocation, into
memory that other operators then write to, and takes it from there ever after: all later results are wrong. So such a
constant is turned here.
"""

from collections import Counter

import numpy as np
import tensorflow as tf

from .graph_def import add_constant, imported, numbers, producer

# The node that hides a shape is dropped just before the converter gets to products. These are not, and their results
# have the shape of their first input.
CARRIERS = ("Mul", "Softmax", "Transpose")

INT32 = tf.int32.as_datatype_enum


def apply(graph_def):
    """Rewrite the products of a graph in place. Nodes keep their names and what they compute."""
    products = [node for node in graph_def.node if node.op == "BatchMatMulV2"]
    if not products:
        return
    graph = imported(graph_def)
    uses = Counter(name for node in graph_def.node for name in node.input)
    nodes = {node.name: node for node in graph_def.node}
    for node in products:
        _turn_constant(graph_def, node, nodes)
        operation = graph.get_operation_by_name(node.name)
        operands = [nodes[name] for name in node.input if uses[name] == 1 and name in nodes]
        carrier = next((operand for operand in operands if _carries(operand, graph)), None)
        if carrier is None:
            _hide(graph_def, *_transposed(graph_def, node, operation))
        else:
            _hide(graph_def, carrier, graph.get_operation_by_name(carrier.name).inputs[0])
        _state(graph_def, node, operation.outputs[0].shape)


def _turn_constant(graph_def, node, nodes):
    """Give a product the transposes of its right side, if this is a constant that isn't turned yet."""
    right = nodes[producer(node.input[1])]
    if right.op == "Const" and not node.attr["adj_y"].b:
        turned = np.ascontiguousarray(np.swapaxes(numbers(right), -1, -2))
        node.input[1] = add_constant(graph_def, node.name + "/turned", turned).name
        node.attr["adj_y"].b = True


def _carries(node, graph):
    """Whether a shape that is not known of the first input is not known of the result either."""
    others = graph.get_operation_by_name(node.name).inputs[1:]
    return node.op in CARRIERS and (node.op != "Mul" or all(other.shape.num_elements() == 1 for other in others))


def _transposed(graph_def, node, operation):
    """A transpose of an operand that is computed, and the operand: TFLite's own product would transpose it too."""
    at = 0 if operation.inputs[1].op.type == "Const" else 1
    operand = operation.inputs[at]
    rank = operand.shape.rank
    order = add_constant(graph_def, node.name + "/order", np.int32([*range(rank - 2), rank - 1, rank - 2])).name
    found = graph_def.node.add(name=node.name + "/transposed", op="Transpose", input=[node.input[at], order])
    found.attr["T"].CopyFrom(node.attr["T"])
    found.attr["Tperm"].type = INT32
    node.input[at] = found.name
    adjoint = node.attr["adj_y" if at else "adj_x"]
    adjoint.b = not adjoint.b
    return found, operand


def _hide(graph_def, carrier, x):
    """Hide the shape of the tensor ``x``, which is the carrier's first input."""
    hidden = graph_def.node.add(name=carrier.name + "/hidden", op="PlaceholderWithDefault", input=carrier.input[:1])
    hidden.attr["dtype"].type = x.dtype.as_datatype_enum
    hidden.attr["shape"].shape.CopyFrom(tf.TensorShape([None] * x.shape.rank).as_proto())
    carrier.input[0] = hidden.name


def _state(graph_def, node, shape):
    """Put a product behind a node of its name that says the shape of the result."""
    product = graph_def.node.add()
    product.CopyFrom(node)
    product.name = node.name + "/product"
    stated = add_constant(graph_def, node.name + "/shape", np.int32(shape.as_list())).name
    node.op = "Reshape"
    node.input[:] = [product.name, stated]
    node.attr.clear()
    node.attr["T"].CopyFrom(product.attr["T"])
    node.attr["Tshape"].type = INT32
