"""Constants of int4: two numbers in a byte, the first of them in the lower half."""

import numpy as np


def numbers(data, count):
    """A row of int8 of the bytes ``data`` of so many numbers: one more half byte than these counts for nothing."""
    halves = np.stack([data << 4, data], axis=-1).view(np.int8) >> 4
    return halves.reshape(-1)[: 2 * data.size - (count % 2)]
