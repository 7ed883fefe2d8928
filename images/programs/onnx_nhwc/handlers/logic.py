"""Comparisons, what is made of their results, and the choice between two values."""

import numpy as np
import tensorflow as tf

from .broadcasting import broadcast
from .handler import handles, kept_name

COMPARISONS = {
    "Equal": tf.equal,
    "Greater": tf.greater,
    "GreaterOrEqual": tf.greater_equal,
    "Less": tf.less,
    "LessOrEqual": tf.less_equal,
}
OR_EQUAL = {"Greater": tf.greater_equal, "Less": tf.less_equal}
ORDERINGS = ("Greater", "GreaterEqual", "Less", "LessEqual")
LIMITS = {"Max": -np.inf, "Min": np.inf}
CONNECTIVES = {"And": tf.logical_and, "Or": tf.logical_or, "Xor": tf.not_equal}


@handles(*COMPARISONS)
def comparison(node, values):
    one, other = values.inputs(node)
    if node.op_type == "Equal":
        for extreme, limit in ((one, other), (other, one)):
            if _is_limit(extreme, limit):
                return [_are_all(*extreme.op.inputs, limit, extreme.op.get_attr("keep_dims"))]
    return [broadcast(COMPARISONS[node.op_type], one, other)]


def _is_limit(extreme, limit):
    """Whether the largest of numbers is compared with minus infinity, or the smallest with infinity.

    TFLite's REDUCE_MAX begins with the smallest of finite numbers, which it finds where all are minus infinity.
    """
    number = tf.get_static_value(limit)
    one = number is not None and number.size == 1 and limit.shape.rank <= extreme.shape.rank
    return one and extreme.op.type in LIMITS and number.item() == LIMITS[extreme.op.type]


def _are_all(x, axes, limit, keepdims):
    return tf.logical_not(tf.reduce_any(broadcast(tf.not_equal, x, limit), axes, keepdims))


@handles(*CONNECTIVES)
def connective(node, values):
    one, other = values.inputs(node)
    if node.op_type == "Or" and _alike(one, other):
        return [OR_EQUAL[one.op.type](*one.op.inputs)]
    return [broadcast(CONNECTIVES[node.op_type], one, other)]


def _alike(one, other):
    """Whether these are a > b or a < b, and a == b: so onnxruntime spells GreaterOrEqual and LessOrEqual."""
    if one.op.type not in OR_EQUAL or other.op.type != "Equal":
        return False
    return all(a is b for a, b in zip(one.op.inputs, other.op.inputs))


@handles("Not")
def opposite(node, values):
    x = values[node.inputs[0]]
    if x.op.type in ORDERINGS and x.op.inputs[0].dtype.is_floating:
        # Grappler and the converter would make the opposite comparison of it, though neither holds for NaN.
        return [tf.where(x, tf.zeros_like(x), tf.ones_like(x))]
    return [tf.logical_not(x, name=kept_name(node))]


@handles("Where")
def where(node, values):
    return [broadcast(tf.where, *values.inputs(node))]
