"""The integers of weights: symmetric, with a step for each channel that is given, or one for all."""

from typing import NamedTuple, Tuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from .editing import GIVEN

BITS, LARGEST = 8, 127
# The parts of the largest number that are tried as an end of a range.
PARTS = np.linspace(1.0, 0.2, 81)


class WeightSteps(NamedTuple):
    """``of_one`` are the kinds of layers whose weights have one step for all channels; others have one each."""

    of_one: Tuple[int, ...]

    def largest(self, numbers, kind):
        """The largest weight of what has one step, in a shape that goes with the weights' own; 1 where all are 0."""
        found = np.abs(numbers).max(axis=self.alike(numbers, kind), keepdims=True)
        return np.where(found > 0, found, 1).astype(np.float32)

    def alike(self, numbers, kind):
        """The axes along which weights have one step."""
        return tuple(axis for axis in range(numbers.ndim) if axis != GIVEN[kind] or kind in self.of_one)

    def nearest(self, numbers, kind):
        """Weights as the quantizer rounds them, in floats."""
        steps = self.largest(numbers, kind) / np.float32(LARGEST)
        return (np.clip(np.round(numbers / steps), -LARGEST, LARGEST) * steps).astype(np.float32)


# As the quantizer of TensorFlow 2.4.1 writes them, and where dense layers have a step for each channel, too.
QUANTIZERS = WeightSteps((schema.BuiltinOperator.FULLY_CONNECTED,))
PER_CHANNEL = WeightSteps(())


def nearest_ends(numbers, axes, last):
    """The largest number to leave of each channel, an array of one size along ``axes``, so that the squares of what
    rounding to ``last`` steps on either side of 0 changes are the least.
    """
    sizes = np.abs(numbers)
    largest = sizes.max(axis=axes, keepdims=True)
    best, least = largest, np.full(largest.shape, np.inf)
    for part in PARTS.astype(np.float32):
        step = np.maximum(largest * part / last, np.finfo(np.float32).tiny)
        rounded = np.minimum(np.round(sizes / step), last) * step
        error = np.square(rounded - sizes).sum(axis=axes, keepdims=True, dtype=np.float64)
        best, least = np.where(error < least, largest * part, best), np.minimum(error, least)
    return best


def scales(numbers, axis, bits):
    """A step for each channel along an axis of weights of so many bits: up to the largest weight for 8, and for fewer
    those that change weights least.
    """
    others, last = tuple(at for at in range(numbers.ndim) if at != axis), _last(bits)
    ends = np.abs(numbers).max(axis=others) if bits == BITS else nearest_ends(numbers, others, last).ravel()
    return np.where(ends > 0, ends, 1).astype(np.float32) / np.float32(last)


def integers(numbers, scales, axis, bits):
    """Weights in such steps, an array of int8."""
    spread = scales.reshape([-1 if at == axis else 1 for at in range(numbers.ndim)])
    return np.clip(np.round(numbers / spread), -_last(bits), _last(bits)).astype(np.int8)


def _last(bits):
    return 2 ** (bits - 1) - 1
