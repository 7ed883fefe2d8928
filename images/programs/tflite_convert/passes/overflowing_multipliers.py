"""Scales that overflow in the oldest runtime's kernels for activations of 16 bits.

They multiply what they have summed up by the 15 leading bits of (input scale * weight scale / output scale), rounded.
TensorFlow 2.4.1 rounds a little less than a power of two up to a number that has no place in 16 bits, and the channel
comes out as something else (later versions stop at the largest). Such a scale is made smaller here by its last bits.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

# Of a number from 1/2 to 1: what is rounded up to 1 as 15 bits, and less than the last of these.
LARGEST, LESS = 1 - 2.0**-16, np.float32(1 - 2.0**-15)


def apply(model, _):
    """Make such scales of weights and biases smaller."""
    found = [
        _apply(graph, operator, editing.WEIGHTED[kind])
        for graph, operator, kind in editing.operators(model)
        if kind in editing.WEIGHTED
    ]
    return any(found)


def _apply(graph, operator, places):
    read, weight, *biases = (
        graph.tensors[operator.inputs[at]] for at in places if at < len(operator.inputs) and operator.inputs[at] >= 0
    )
    written = graph.tensors[operator.outputs[0]]
    if (read.type, written.type) != (schema.TensorType.INT16, schema.TensorType.INT16):
        return False
    scales = weight.quantization.scale
    multipliers = np.float64(read.quantization.scale[0]) * scales / np.float64(written.quantization.scale[0])
    fractions, _ = np.frexp(multipliers)
    overflowing = fractions >= LARGEST
    for tensor in (weight, *biases):
        tensor.quantization.scale = np.where(overflowing, tensor.quantization.scale * LESS, tensor.quantization.scale)
    return bool(overflowing.any())
