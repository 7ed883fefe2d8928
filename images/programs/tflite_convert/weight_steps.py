"""The integers of weights: of 8 bits, symmetric, with a step for each channel that is given, or one for all."""

import numpy as np

from .equalization import GIVEN, OF_ONE_SCALE

LARGEST = 127


def largest(numbers, kind):
    """The largest weight of what has one step, in a shape that goes with the weights' own; 1 where all are 0."""
    found = np.abs(numbers).max(axis=alike(numbers, kind), keepdims=True)
    return np.where(found > 0, found, 1).astype(np.float32)


def alike(numbers, kind):
    """The axes along which weights have one step."""
    return tuple(axis for axis in range(numbers.ndim) if axis != GIVEN[kind] or kind in OF_ONE_SCALE)


def nearest(numbers, kind):
    """Weights as the quantizer rounds them, in floats."""
    steps = largest(numbers, kind) / np.float32(LARGEST)
    return (np.clip(np.round(numbers / steps), -LARGEST, LARGEST) * steps).astype(np.float32)
