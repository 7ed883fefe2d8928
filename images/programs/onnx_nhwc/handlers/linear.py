"""Products of matrices."""

import functools

import numpy as np
import tensorflow as tf

from . import equation
from .handler import UnsupportedError, handles


@handles("Gemm")
def gemm(node, values):
    """MatMul and BiasAdd, which TFLite makes one FULLY_CONNECTED of."""
    a = values[node.inputs[0]]
    b = values.constant(node.inputs[1])
    if b is None:
        b = values[node.inputs[1]]
    alpha, beta = node.attrs.get("alpha", 1.0), node.attrs.get("beta", 1.0)
    product = tf.matmul(
        a,
        b if alpha == 1 else b * alpha,
        transpose_a=bool(node.attrs.get("transA")),
        transpose_b=bool(node.attrs.get("transB")),
    )
    if len(node.inputs) < 3 or not node.inputs[2]:
        return [product]
    c = values.constant(node.inputs[2])
    if c is None:
        return [product + values[node.inputs[2]] * beta]
    c = c if beta == 1 else (c * beta).astype(c.dtype)
    if np.ndim(c) == 1 and len(c) == product.shape[1]:
        return [tf.nn.bias_add(product, c)]
    # The converter takes what has one dimension for the bias, though it may have one element.
    return [product + (c.reshape(()) if np.shape(c) == (1,) else c)]


@handles("MatMul")
def matmul(node, values):
    a = values[node.inputs[0]]
    b = values.constant(node.inputs[1])
    if b is None or b.ndim != 2 or a.shape.rank < 2:
        return [equation.matmul(a, values[node.inputs[1]])]
    # The converter takes a product of more dimensions apart, matrix by matrix.
    rows = values.rows.get(a.ref())
    if rows is None:
        rows = a if a.shape.rank == 2 else tf.reshape(a, [-1, a.shape[-1]])
    return [_from_rows(tf.matmul(rows, b), [*a.shape.as_list()[:-1], b.shape[1]], values)]


def _from_rows(rows, shape, values):
    found = rows if len(shape) == 2 else tf.reshape(rows, shape)
    values.rows[found.ref()] = rows
    return found


def by_element(function, x, values):
    """A function of each element by itself: where a dense layer has given these, of its rows.

    So the converter finds the two side by side, and the next layer no other shape in between.
    """
    rows = values.rows.get(x.ref())
    return function(x) if rows is None else _from_rows(function(rows), x.shape.as_list(), values)


def biased(x, bias, values):
    """The sum of a tensor and a constant, if it is that of a product of matrices and its bias; else None.

    The optimizer puts sums in another order, and a bias that is not beside its product is an operator of its own.
    """
    rows = values.rows.get(x.ref())
    if rows is None or not x.dtype.is_floating or bias.shape[-1:] != (rows.shape[1],):
        return None
    if bias.size != rows.shape[1] or bias.ndim > x.shape.rank:
        return None
    return _from_rows(tf.nn.bias_add(rows, bias.reshape(-1)), x.shape.as_list(), values)


@handles("MatMulInteger")
def matmul_integer(node, values):
    operands = [values[name] for name in node.inputs[:2]]
    # TFLite's own product is of float32, which adds integers rightly up to 2^24.
    dtype = tf.float32 if operands[0].shape[-1] * 255**2 <= 2**24 else tf.int32
    if dtype == tf.int32 and not values.select_tf:
        raise UnsupportedError(
            "its sums may be larger than what float32 counts",
            "use MatMul instead, or let Select-TF operators in: --ops auto",
        )
    points = [tf.cast(values[name], dtype) if name else tf.zeros([], dtype) for name in (*node.inputs[2:], "", "")[:2]]
    if points[0].shape.rank == 1 and points[0].shape[0] > 1:
        points[0] = tf.expand_dims(points[0], -1)
    a, b = (tf.cast(operand, dtype) - point for operand, point in zip(operands, points))
    return [tf.cast(equation.matmul(a, b), tf.int32)]


@handles("Einsum")
def einsum(node, values):
    return [equation.einsum(node.attrs["equation"], values.inputs(node))]


@handles("Det")
def determinant(node, values):
    x = values[node.inputs[0]]
    size = x.shape[-1]
    if size > 4:
        raise UnsupportedError("TFLite has no operator for it", "use it on matrices of at most 4 rows")
    elements = tf.unstack(tf.reshape(x, [-1, size * size]), axis=1)
    rows = [elements[first : first + size] for first in range(0, size * size, size)]
    return [tf.reshape(_determinant(rows), x.shape[:-2])]


def _determinant(rows):
    """By the first of the rows."""
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:column] + row[column + 1 :] for row in rows[1:]] for column in range(len(rows)))
    terms = [(-1) ** column * rows[0][column] * _determinant(minor) for column, minor in enumerate(minors)]
    return functools.reduce(tf.add, terms)
