"""Products of tensors, as equations of subscripts say them: einsum by transposes and a product of matrices."""

import string

import numpy as np
import tensorflow as tf

from . import shaping
from .broadcasting import LARGEST_RANK
from .handler import UnsupportedError


def matmul(a, b):
    """Numpy's matmul."""
    vectors = [tensor.shape.rank == 1 for tensor in (a, b)]
    a = tf.expand_dims(a, 0) if vectors[0] else a
    b = tf.expand_dims(b, 1) if vectors[1] else b
    product = _product_of_matrices(a, b)
    axes = [axis for axis, is_vector in zip((-2, -1), vectors) if is_vector]
    return tf.squeeze(product, axes) if axes else product


def _product_of_matrices(a, b):
    """tf.matmul; of more dimensions than TFLite's BATCH_MATMUL has, one product of as many matrices."""
    if max(a.shape.rank, b.shape.rank) <= LARGEST_RANK:
        return tf.matmul(a, b)
    batch = np.broadcast(*(np.empty(x.shape[:-2].as_list(), bool) for x in (a, b))).shape
    stacks = [tf.reshape(shaping.expanded(x, [*batch, 1, 1]), [-1, *x.shape[-2:]]) for x in (a, b)]
    return tf.reshape(tf.matmul(*stacks), [*batch, a.shape[-2], b.shape[-1]])


def einsum(equation, tensors):
    terms, result = _terms(equation.replace(" ", ""), [tensor.shape.rank for tensor in tensors])
    if any(len(set(term)) < len(term) for term in terms):
        raise UnsupportedError("it takes a diagonal", "take the diagonal outside of it")
    while len(tensors) > 1:
        (x, y, *tensors), (one, other, *terms) = tensors, terms
        needed = set(result).union(*terms)
        x, one = _summed(x, one, needed | set(other))
        y, other = _summed(y, other, needed | set(one))
        product, term = _product(x, one, y, other, needed)
        tensors, terms = [product, *tensors], [term, *terms]
    x, term = _summed(tensors[0], terms[0], set(result))
    return _ordered(x, term, result)


def _terms(equation, ranks):
    """The subscripts of each operand and of the result, with letters for the ellipsis."""
    left, arrow, result = equation.partition("->")
    terms = left.split(",")
    free = [letter for letter in string.ascii_letters if letter not in equation]
    longest = max(rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks))
    ellipsis = "".join(free[:longest]) if "..." in left else ""
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        result = ("..." if ellipsis else "") + "".join(
            sorted(letter for letter in letters if letters.count(letter) == 1)
        )

    def spelled(term, rank):
        count = rank - len(term.replace("...", ""))
        return term.replace("...", ellipsis[len(ellipsis) - count :])

    return [spelled(term, rank) for term, rank in zip(terms, ranks)], result.replace("...", ellipsis)


def _summed(x, term, needed):
    """The tensor, summed over the subscripts that nothing else has."""
    axes = [axis for axis, letter in enumerate(term) if letter not in needed]
    return (tf.reduce_sum(x, axes) if axes else x), "".join(letter for letter in term if letter in needed)


def _product(x, one, y, other, needed):
    batch = [letter for letter in one if letter in other and letter in needed]
    summed = [letter for letter in one if letter in other and letter not in needed]
    rows = [letter for letter in one if letter not in other]
    columns = [letter for letter in other if letter not in one]
    sizes = dict(zip(other, y.shape.as_list()))
    sizes.update((letter, size) for letter, size in zip(one, x.shape.as_list()) if size != 1 or letter not in sizes)
    if not summed:
        wide = batch + rows + columns
        parts = [
            (_ordered(part, term, [at for at in wide if at in term]), term) for part, term in ((x, one), (y, other))
        ]
        x, y = (tf.reshape(part, [sizes[at] if at in term else 1 for at in wide]) for part, term in parts)
        return x * y, "".join(wide)
    x = _grouped(_ordered(x, one, batch + rows + summed), sizes, (batch, rows, summed))
    y = _grouped(_ordered(y, other, batch + summed + columns), sizes, (batch, summed, columns))
    if not batch:
        x, y = tf.squeeze(x, [0]), tf.squeeze(y, [0])
    product = tf.reshape(tf.matmul(x, y), [sizes[letter] for letter in batch + rows + columns])
    return product, "".join(batch + rows + columns)


def _grouped(x, sizes, groups):
    shape = [int(np.prod([sizes[letter] for letter in group])) for group in groups]
    return x if x.shape.as_list() == shape else tf.reshape(x, shape)


def _ordered(x, term, letters):
    order = [term.index(letter) for letter in letters]
    return x if order == sorted(order) else shaping.transposed(x, order)
