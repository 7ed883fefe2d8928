"""Elementary functions of one number: those that TFLite has, and others made of these."""

import numpy as np
import tensorflow as tf

from .broadcasting import LARGEST_RANK, in_a_row
from .handler import handles, kept_name

# arctan(x) = x * p(x^2) for x in [0, 1], right to 1e-7.
ATAN = (
    0.99999998,
    -0.33333069,
    0.19992552,
    -0.14203219,
    0.10639507,
    -0.075015841,
    0.042662205,
    -0.016051812,
    0.0028459182,
)


# From here on asinh(x) and acosh(x) are log(2 x), in which no square overflows.
LARGE = 1e4


def _atan(x):
    size = tf.abs(x)
    ratio = tf.minimum(size, 1.0) / tf.maximum(size, 1.0)
    square = ratio * ratio
    polynomial = ATAN[-1]
    for coefficient in reversed(ATAN[:-1]):
        polynomial = polynomial * square + coefficient
    angle = ratio * polynomial
    return _odd(x, tf.where(size > 1.0, np.float32(np.pi / 2) - angle, angle))


def _odd(x, found):
    """An odd function of x that is ``found`` for the size of x; NaN where x is NaN."""
    return tf.where(x > 0.0, found, tf.where(x < 0.0, -found, x))


def _asin(x):
    return _atan(x / tf.sqrt((1.0 - x) * (1.0 + x)))


def _acos(x):
    # pi/2 - asin(x) would have no digits left near 1, and the quotient would be infinite at -1.
    size = tf.abs(x)
    angle = 2.0 * _atan(tf.sqrt((1.0 - size) / (1.0 + size)))
    return tf.where(x < 0.0, np.float32(np.pi) - angle, angle)


def _asinh(x):
    size = tf.abs(x)
    return _odd(x, _doubled_logarithm(size, size + tf.sqrt(size * size + 1.0)))


def _acosh(x):
    return _doubled_logarithm(x, x + tf.sqrt(x - 1.0) * tf.sqrt(x + 1.0))


def _doubled_logarithm(x, sum_):
    return tf.where(x > LARGE, tf.math.log(x) + np.float32(np.log(2)), tf.math.log(sum_))


def _atanh(x):
    return 0.5 * tf.math.log((1.0 + x) / (1.0 - x))


def _cosh(x):
    return _half_power(x) + _half_power(-x)


def _sinh(x):
    return _half_power(x) - _half_power(-x)


def _half_power(x):
    """exp(x) / 2, which is a float where exp(x) is too large for one."""
    root = tf.exp(0.5 * x)
    return 0.5 * root * root


def _sign(x):
    zero = tf.zeros([], x.dtype)
    return tf.cast(x > zero, x.dtype) - tf.cast(x < zero, x.dtype)


BUILTIN = {
    "Ceil": tf.math.ceil,
    "Cos": tf.cos,
    "Exp": tf.exp,
    "Floor": tf.floor,
    "Log": tf.math.log,
    "Neg": tf.negative,
    "Round": tf.round,
    "Sigmoid": tf.sigmoid,
    "Sin": tf.sin,
    "Sqrt": tf.sqrt,
    "Tanh": tf.tanh,
}
FUNCTIONS = {
    "Acos": _acos,
    "Acosh": _acosh,
    "Asin": _asin,
    "Asinh": _asinh,
    "Atan": _atan,
    "Atanh": _atanh,
    "Cosh": _cosh,
    "IsNaN": lambda x: tf.not_equal(x, x),
    "Reciprocal": lambda x: 1.0 / x,
    "Sign": _sign,
    "Sinh": _sinh,
    "Tan": lambda x: tf.sin(x) / tf.cos(x),
}


@handles(*BUILTIN)
def builtin(node, values):
    return [BUILTIN[node.op_type](values[node.inputs[0]], name=kept_name(node))]


@handles(*FUNCTIONS)
def elementary(node, values):
    return [in_a_row(FUNCTIONS[node.op_type], values[node.inputs[0]], LARGEST_RANK)]


@handles("Abs")
def absolute(node, values):
    x = values[node.inputs[0]]
    # TFLite's ABS is for floats.
    return [tf.abs(x) if x.dtype.is_floating else in_a_row(lambda x: tf.maximum(x, -x), x, LARGEST_RANK)]


@handles("IsInf")
def is_inf(node, values):
    x = values[node.inputs[0]]
    positive, negative = node.attrs.get("detect_positive", 1), node.attrs.get("detect_negative", 1)
    if positive and negative:
        return [in_a_row(lambda x: tf.equal(tf.abs(x), np.inf), x, LARGEST_RANK)]
    return [in_a_row(lambda x: tf.equal(x, np.inf if positive else -np.inf), x, LARGEST_RANK)]
