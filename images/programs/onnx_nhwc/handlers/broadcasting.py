"""Operands of different shapes, in as few dimensions as TFLite broadcasts over."""

import numpy as np
import tensorflow as tf

LARGEST_RANK = 4


def broadcast(function, *operands):
    """The function of the operands; where they have too many dimensions, of ones that are merged."""
    shapes = [operand.shape.as_list() for operand in operands]
    rank = max(len(shape) for shape in shapes)
    whole = [shape for shape in shapes if shape]
    if rank <= LARGEST_RANK or all(shape == whole[0] for shape in whole):
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
    operands = [tf.reshape(operand, shape) for operand, shape in zip(operands, merged)]
    if len(groups) > LARGEST_RANK:
        whole = np.max(merged, axis=0)
        operands = [tf.tile(operand, whole // shape) for operand, shape in zip(operands, merged)]
    return tf.reshape(function(*operands), sizes)
