"""What TFLite Micro has to fit into an arena: the tensors that are computed, and how long each of them lives."""

import math

import numpy as np

# In bytes: every tensor begins at a multiple of it.
ALIGNED = 16
_NUMPY = {"bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"} | {
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
}


def size(tensor):
    """A tensor's bytes, as far as its type has a fixed size."""
    each = np.dtype(tensor.dtype).itemsize if tensor.dtype in _NUMPY else 1
    return math.prod(tensor.shape) * each


def computed(graph):
    """The places of the tensors that are no constants."""
    return [at for at, tensor in enumerate(graph.tensors) if not tensor.constant.data.size]
