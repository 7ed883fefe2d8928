"""Add, Sub, Mul and Div."""

import tensorflow as tf

from handlers.handler import handles

FUNCTIONS = {"Add": tf.add, "Sub": tf.subtract, "Mul": tf.multiply, "Div": tf.divide}


@handles(*FUNCTIONS)
def arithmetic(node, values):
    ranks = [values[name].shape.rank for name in node.inputs]
    operands = [_operand(name, values, max(ranks)) for name in node.inputs]
    return [FUNCTIONS[node.op_type](*operands)]


def _operand(name, values, rank):
    """The value with leading dimensions of 1 spelled out, as the layout optimizer wants the operands of an image."""
    tensor = values[name]
    if 0 < tensor.shape.rank < rank == 4:
        return tf.reshape(tensor, [1] * (rank - tensor.shape.rank) + tensor.shape.as_list())
    return tensor
