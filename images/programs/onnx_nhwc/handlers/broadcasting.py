"""Operands of different shapes, and functions of single elements, in as few dimensions as TFLite has them for."""

import numpy as np
import tensorflow as tf

# What TFLite has operators for: tensors of two shapes, and a tensor and a scalar of arithmetic.
LARGEST_RANK, LARGEST_RANK_WITH_SCALARS = 4, 5
ARITHMETIC = (tf.add, tf.subtract, tf.multiply, tf.divide, tf.maximum, tf.minimum)


def broadcast(function, *operands):
    """The function of the operands; where they have too many dimensions, of ones that are merged."""
    shapes = [operand.shape.as_list() for operand in operands]
    rank = max(len(shape) for shape in shapes)
    scalars_may_be = function in ARITHMETIC and rank <= LARGEST_RANK_WITH_SCALARS
    compared = [shape for shape in shapes if shape or not scalars_may_be]
    if rank <= LARGEST_RANK or all(shape == compared[0] for shape in compared):
        return function(*operands)
    shapes = [[1] * (rank - len(shape)) + shape for shape in shapes]
    sizes = np.max(shapes, axis=0).tolist()
    groups = []
    for axis, size in enumerate(sizes):
        # Axes along which the same operands are repeated are as good as one.
        repeated = [shape[axis] != size for shape in shapes]
        if groups and (size == 1 or repeated == groups[-1][0]):
            groups[-1][1].append(axis)
        else:
            groups.append((repeated, [axis]))
    merged = [[int(np.prod([shape[axis] for axis in axes])) for _, axes in groups] for shape in shapes]
    if len(groups) > LARGEST_RANK:
        whole = np.max(merged, axis=0).tolist()
        operands = [_repeated(operand, shape, whole) for operand, shape in zip(operands, merged)]
    else:
        operands = [tf.reshape(operand, shape) for operand, shape in zip(operands, merged)]
    return tf.reshape(function(*operands), sizes)


def _repeated(operand, shape, whole):
    """An operand of a shape as often as the whole shape has it, in one dimension: the converter would make one operator
    of many dimensions of what is repeated along several at once, and of what is done with it.
    """
    for axis, (size, wanted) in enumerate(zip(shape, whole)):
        if size != wanted:
            around = int(np.prod(whole[:axis])), 1, int(np.prod(shape[axis + 1 :]))
            operand = tf.tile(tf.reshape(operand, around), [1, wanted, 1])
    return tf.reshape(operand, [-1])


def in_a_row(function, x, largest=LARGEST_RANK_WITH_SCALARS):
    """A function of each element by itself, for which one of more than the ``largest`` number of dimensions has one."""
    return function(x) if x.shape.rank <= largest else tf.reshape(function(tf.reshape(x, [-1])), x.shape)
