"""Integers whose products with given inputs are nearest to those of real numbers.

They are decided one by one; the numbers that are left make up for the error so far. After Frantar et al., "GPTQ:
Accurate Post-Training Quantization for Generative Pre-trained Transformers" (2022), in the form of Chen et al., "The
Geometry of LLM Quantization: GPTQ as Babai's Nearest Plane Algorithm" (2025), which inverts no matrix.

Every machine finds the same. Operations on single numbers are exact to the last bit by IEEE 754; those of linear
algebra are not, as they add in an order of the machine's own. So they get integers here that are so small that every
sum is exact.
"""

import numpy as np

# What is added to the square of each input, as a part of their mean: samples don't show all there is.
DAMPING = 0.1
# Rows that are worked on before a product brings them to all others. So many products of so many bits add up to no more
# than the 53 bits that float64 has.
BLOCK, BITS = 64, 23
# Of the other rows so many at once.
PART = 512


def decided(products, wanted, low, high):
    """[groups, inputs, outputs] integers from ``low`` to ``high`` in the place of the real numbers ``wanted``.

    ``products`` are [groups, inputs, inputs] sums of products of inputs, integers in float64. Each group and each
    output is alone; the inputs with the largest squares are decided first.
    """
    squares = np.diagonal(products, axis1=1, axis2=2)
    damping = DAMPING * squares.mean(axis=1, keepdims=True) + 1
    order = np.argsort(squares, axis=1, kind="stable")
    factor = np.take_along_axis(products, order[:, :, None], 1)
    factor = np.take_along_axis(factor, order[:, None, :], 2)
    diagonal = np.arange(factor.shape[1])
    factor[:, diagonal, diagonal] += damping
    _factorize(factor, damping)
    places = order[:, :, None]
    found = _from_the_last(factor, *(np.take_along_axis(each, places, 1) for each in (wanted, low, high)))
    integers = np.empty_like(found)
    np.put_along_axis(integers, places, found, 1)
    return integers


def _factorize(left, least):
    """Put R into the upper triangle of symmetric matrices, [groups, size, size], which are R^T R; the squares on its
    diagonal are no less than ``least``. What is below the triangle means nothing.
    """
    size = left.shape[1]
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        for at in range(start, end):
            row = left[:, at, at:]
            row /= np.sqrt(np.maximum(row[:, :1], least))
            left[:, at + 1 : end, at:] -= row[:, 1 : end - at, None] * row[:, None, :]
        # By parts of rows: what is below the triangle is spared.
        for top in range(end, size, PART):
            columns, rest = left[:, start:end, top : top + PART], left[:, start:end, top:]
            left[:, top : top + PART, top:] -= _product(columns.transpose(0, 2, 1), rest)


def _from_the_last(factor, wanted, low, high):
    """`decided` in the order from the last input to the first."""
    size = factor.shape[1]
    integers, error, owed = (np.zeros(wanted.shape) for _ in range(3))
    for end in range(size, 0, -BLOCK):
        start = max(end - BLOCK, 0)
        for at in reversed(range(start, end)):
            made_up = wanted[:, at] + owed[:, at] / factor[:, at, at, None]
            integers[:, at] = np.clip(np.round(made_up), low[:, at], high[:, at])
            error[:, at] = wanted[:, at] - integers[:, at]
            owed[:, start:at] += factor[:, start:at, at, None] * error[:, None, at]
        owed[:, :start] += _product(factor[:, :start, start:end], error[:, start:end])
    return integers


def _product(left, right):
    """The matrix product over no more than `BLOCK` numbers, each to about `BITS` bits of the largest of them."""
    (one, one_steps), (other, other_steps) = _in_steps(left, 2), _in_steps(right, 1)
    return np.matmul(one, other) * (one_steps * other_steps)


def _in_steps(numbers, axis):
    """(integers, steps): those of all numbers along an axis are a power of two."""
    _, exponents = np.frexp(np.abs(numbers).max(axis=axis, keepdims=True))
    steps = np.ldexp(1.0, exponents - BITS)
    return np.round(numbers / steps), steps
