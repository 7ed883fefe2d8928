"""Masks in integers.

A mask sets what a softmax is to leave out to -inf, -1e9 or -100: numbers with which nothing else of the tensor's range
has a step of its own. `relevance` finds out which numbers make a difference; the range that the others would need is
cut off, where it is the larger part by far. Integers saturate there, and mask as before.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, ranges

# A range is cut where what is left is less than this part of it.
PART = 0.25


def apply(model, known):
    """Cut the ranges of masked tensors by the ``known.limits`` of `relevance`."""
    tensors = model.subgraphs[0].tensors
    found = [_apply(model, tensors[index], known.limits[index]) for index in sorted(known.limits)]
    return any(found)


def _apply(model, tensor, limits):
    if limits == ranges.ALL or tensor.type != schema.TensorType.FLOAT32:
        return False
    low, high = ranges.of(model, tensor)
    left = np.clip([low, high], *limits)
    if not np.isfinite(left).all() or ranges.width(*left) >= PART * ranges.width(low, high):
        return False
    numbers = editing.numbers(model, tensor)
    if numbers is None:
        ranges.set_to(tensor, *left)
    else:
        editing.set_numbers(model, tensor, np.clip(numbers, *np.float32(limits)))
    return True
