"""Scales that overflow in the oldest runtime's kernels for activations of 16 bits.

They multiply what they have summed up by the 15 leading bits of (input scale * weight scale / output scale), rounded.
TensorFlow 2.4.1 rounds a little less than a power of two up to a number that has no place in 16 bits, and the channel
comes out as something else (later versions stop at the largest). Such a scale is made smaller here by its last bits.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer

# Where operators with weights have what they read, their weights and their bias.
PLACES = {
    schema.BuiltinOperator.CONV_2D: (0, 1, 2),
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: (0, 1, 2),
    schema.BuiltinOperator.FULLY_CONNECTED: (0, 1, 2),
    schema.BuiltinOperator.TRANSPOSE_CONV: (2, 1, 3),
}
# Of a number from 1/2 to 1: what is rounded up to 1 as 15 bits, and less than the last of these.
LARGEST, LESS = 1 - 2.0**-16, np.float32(1 - 2.0**-15)


def that_fit(content):
    """The file of the quantizer without such scales."""
    model = flatbuffer.unpacked(content)
    found = [
        _lessen(graph, operator, PLACES[number])
        for graph in model.subgraphs
        for operator in graph.operators
        for number in [model.operatorCodes[operator.opcodeIndex].builtinCode]
        if number in PLACES
    ]
    return flatbuffer.packed(model) if any(found) else content


def _lessen(graph, operator, places):
    """Do so for an operator; whether there was anything to do."""
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
