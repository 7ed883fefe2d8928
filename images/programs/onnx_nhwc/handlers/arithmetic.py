"""Arithmetic of two numbers or more."""

import functools

import numpy as np
import tensorflow as tf

from . import linear
from .broadcasting import broadcast, in_a_row
from .handler import handles

FUNCTIONS = {"Add": tf.add, "Sub": tf.subtract, "Mul": tf.multiply, "Div": tf.divide, "Pow": tf.pow}
EXTREMES = {"Max": tf.maximum, "Min": tf.minimum}

# TFLite's POW calls the C library for each element.
POWERS = {
    -1.0: tf.math.reciprocal,
    -0.5: tf.math.rsqrt,
    0.5: tf.sqrt,
    1.0: tf.identity,
    2.0: tf.square,
    3.0: lambda x: x * tf.square(x),
}


@handles("Add", "Sub", "Mul", "Div")
def arithmetic(node, values):
    operands = _operands(node, values)
    if node.op_type == "Add":
        chosen = _masked(*values.inputs(node))
        if chosen is not None:
            return [chosen]
        for at, name in enumerate(node.inputs):
            known = values.constant(name)
            if known is not None:
                found = linear.biased(values[node.inputs[1 - at]], known, values)
                if found is not None:
                    return [found]
                operands[1 - at], operands[at] = _beside_a_bias(operands[1 - at], operands[at])
    dtype = operands[0].dtype
    function = _truncated_quotient if node.op_type == "Div" and dtype.is_integer else FUNCTIONS[node.op_type]
    return [_computed(function, operands, {tf.uint8, tf.int64}, dtype)]


@handles("Pow")
def power(node, values):
    x, exponent = _operands(node, values)
    known = values.constant(node.inputs[1])
    if known is not None and known.size == 1 and known.item() in POWERS and x.dtype.is_floating:
        return [POWERS[known.item()](x)]
    if x.dtype.is_integer and exponent.dtype.is_floating:
        return [tf.cast(tf.pow(tf.cast(x, tf.float32), exponent), x.dtype)]
    exponent = tf.cast(exponent, x.dtype)
    return [_computed(tf.pow, [x, exponent], {tf.int64}, x.dtype)]


@handles("Max", "Min")
def extreme(node, values):
    operands = _operands(node, values)
    function = EXTREMES[node.op_type]
    found = functools.reduce(lambda x, y: _computed(function, [x, y], {tf.uint8}, x.dtype), operands)
    return [tf.identity(found)]


@handles("Sum", "Mean")
def total(node, values):
    found = functools.reduce(functools.partial(broadcast, tf.add), _operands(node, values))
    return [in_a_row(lambda x: x * (1 / len(node.inputs)), found) if node.op_type == "Mean" else tf.identity(found)]


@handles("Mod")
def modulo(node, values):
    operands = _operands(node, values)
    function = _truncated_remainder if node.attrs.get("fmod", 0) else tf.math.floormod
    return [_computed(function, operands, {tf.uint8}, operands[0].dtype)]


@handles("BitShift")
def bit_shift(node, values):
    function = _shifted_left if node.attrs["direction"] == "LEFT" else _shifted_right
    operands = _operands(node, values)
    return [_computed(function, operands, {tf.uint8}, operands[0].dtype)]


def _shifted_left(x, by):
    return tf.math.floormod(x * tf.pow(2, by), 256)


def _shifted_right(x, by):
    return tf.math.floordiv(x, tf.pow(2, by))


def _masked(*operands):
    """The sum, if an operand is a mask that is minus infinity in places, as a choice; else None.

    TFLite's ADD makes the smallest of finite numbers of minus infinity, of which a softmax makes something else where
    all that it is of is masked. A constant mask is added to what is computed, and a choice beside other masks alone.
    """
    computed = [each for each in operands if tf.get_static_value(each) is None]
    if len(computed) < len(operands) and not any(each.op.type == "Placeholder" or _mask(each) for each in computed):
        return None
    return _chosen(*operands)


def _chosen(x, y):
    for kept, mask in ((x, y), (y, x)):
        found = _mask(mask)
        if found is not None:
            condition, rest, hides = found
            hidden = tf.constant(-np.inf, x.dtype)
            total = kept if _is_all(rest, 0) else _sum(kept, rest)
            return broadcast(tf.where, condition, *((hidden, total) if hides else (total, hidden)))
    return None


def _sum(x, y):
    chosen = _chosen(x, y)
    return broadcast(tf.add, x, y) if chosen is None else chosen


def _mask(x):
    """(a condition, what x is where it is not minus infinity, whether it is so where the condition holds), or None."""
    known = tf.get_static_value(x)
    if known is not None:
        hidden = known == -np.inf
        return (tf.constant(hidden), tf.constant(np.where(hidden, 0, known)), True) if hidden.any() else None
    if x.op.type in ("ExpandDims", "Reshape", "Squeeze"):
        found, size = _mask(x.op.inputs[0]), x.shape.num_elements()
        if found is None or any(part.shape.num_elements() not in (1, size) for part in found[:2]):
            return None
        condition, rest = (tf.reshape(part, x.shape if part.shape.num_elements() == size else []) for part in found[:2])
        return condition, rest, found[2]
    if x.op.type == "SelectV2":
        condition, *choices = x.op.inputs
        for choice, rest, hides in ((*choices, True), (*choices[::-1], False)):
            if _is_all(choice, -np.inf):
                return condition, rest, hides
    return None


def _beside_a_bias(x, constant):
    """The operand beside a constant, and the constant, such that grappler and the converter don't take it for a bias.

    They do so though it has one element where there are many channels.
    """
    biased = x.op.type == "BiasAdd" and constant.shape.rank == x.shape.rank
    if constant.shape.num_elements() == 1 and (biased or (x.op.type == "MatMul" and constant.shape.rank == 1)):
        return x, tf.reshape(constant, [])
    if biased and constant.shape[1] == 1:
        return tf.stop_gradient(x), constant
    return x, constant


def _is_all(x, number):
    known = tf.get_static_value(x)
    return known is not None and np.all(known == number)


def _truncated_quotient(x, y):
    """Division of integers as ONNX has it: towards zero."""
    known = tf.get_static_value(y)
    if known is not None and not np.isin(known, (0, -1)).any():
        return tf.raw_ops.Div(x=x, y=y)
    # By 0, and of the smallest number by -1, TFLite's DIV would end the process.
    size = _size(y)
    # The smallest number has no positive of its own.
    quotient = tf.math.floordiv(x + tf.where(x < 0, size - 1, 0), size)
    return tf.where(y < 0, -quotient, quotient)


def _truncated_remainder(x, y):
    remainder = tf.math.floormod(_size(x), _size(y))
    return tf.where(x < 0, -remainder, remainder)


def _size(x):
    # TFLite's ABS is for floats.
    return tf.abs(x) if x.dtype.is_floating else tf.maximum(x, -x)


def _computed(function, operands, lacking, dtype):
    """The function of the operands; in int32 if their dtype is one that TFLite lacks the operator for.

    An int64 of a model is a size, an index or an identifier, and these fit into 32 bits.
    """
    if dtype not in lacking:
        return broadcast(function, *operands)
    return tf.cast(broadcast(function, *[tf.cast(operand, tf.int32) for operand in operands]), dtype)


def _operands(node, values):
    ranks = [values[name].shape.rank for name in node.inputs]
    return [_operand(name, values, max(ranks)) for name in node.inputs]


def _operand(name, values, rank):
    """The value with leading dimensions of 1 spelled out, as the layout optimizer wants the operands of an image."""
    tensor = values[name]
    if 0 < tensor.shape.rank < rank == 4:
        return tf.reshape(tensor, [1] * (rank - tensor.shape.rank) + tensor.shape.as_list())
    return tensor
