"""Comparisons, what is made of their results, and the choice between two values."""

import tensorflow as tf

from handlers.broadcasting import broadcast
from handlers.handler import handles

COMPARISONS = {
    "Equal": tf.equal,
    "Greater": tf.greater,
    "GreaterOrEqual": tf.greater_equal,
    "Less": tf.less,
    "LessOrEqual": tf.less_equal,
}
CONNECTIVES = {"And": tf.logical_and, "Or": tf.logical_or, "Xor": tf.not_equal}


@handles(*COMPARISONS)
def comparison(node, values):
    return [broadcast(COMPARISONS[node.op_type], *values.inputs(node))]


@handles(*CONNECTIVES)
def connective(node, values):
    return [broadcast(CONNECTIVES[node.op_type], *values.inputs(node))]


@handles("Where")
def where(node, values):
    return [broadcast(tf.where, *values.inputs(node))]
