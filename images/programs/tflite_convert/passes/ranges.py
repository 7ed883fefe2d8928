"""The range of a tensor of floats: its smallest and its largest number, on the calibration samples or of a constant."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

ALL = (-np.inf, np.inf)
# The range of a tensor in which the samples show none.
ASSUMED = (-1.0, 1.0)


def of(model, tensor):
    """The smallest and the largest number of a TensorT of floats; `ALL` where they are unknown."""
    numbers = constant(model, tensor)
    if numbers is not None and numbers.size:
        return float(numbers.min()), float(numbers.max())
    ranged = tensor.quantization
    if ranged is None or ranged.min is None:
        return ALL
    return float(ranged.min[0]), float(ranged.max[0])


def constant(model, tensor):
    """The elements of a constant of floats; None for any other TensorT."""
    return editing.numbers(model, tensor) if tensor.type == schema.TensorType.FLOAT32 else None


def set_to(tensor, low, high):
    """Give a TensorT that is computed a range."""
    tensor.quantization.min, tensor.quantization.max = np.float32([low]), np.float32([high])


def width(low, high):
    """Of a range in integers, which always has 0."""
    return max(high, 0.0) - min(low, 0.0)
