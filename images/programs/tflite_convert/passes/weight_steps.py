"""The integers of weights: of 8 bits, symmetric, with a step for each channel that is given, or one for all."""

from typing import NamedTuple, Tuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from .editing import GIVEN

LARGEST = 127


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
