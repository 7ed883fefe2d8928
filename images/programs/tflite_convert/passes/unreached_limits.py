"""Limits of activations that no integer of 32 bits stands for, where steps are that small: kernels of TensorFlow 2.4.1
overflow, and later ones refuse the file.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

ACTIVATIONS = schema.ActivationFunctionType
# Each with its largest limit, and the one that is left without it.
LIMITED = {ACTIVATIONS.RELU6: (6.0, ACTIVATIONS.RELU), ACTIVATIONS.RELU_N1_TO_1: (1.0, ACTIVATIONS.NONE)}
LARGEST = np.iinfo(np.int32).max


def apply(model, _):
    """Take such limits away: the ends of the integers come long before."""
    changed = False
    for graph, operator, _ in editing.operators(model):
        activation = getattr(operator.builtinOptions, "fusedActivationFunction", None)
        quantized = graph.tensors[operator.outputs[0]].quantization
        if activation in LIMITED and quantized is not None and quantized.scale is not None:
            limit, without = LIMITED[activation]
            # A zero point is added to it, of 16 bits at most.
            if limit / np.float64(quantized.scale[0]) > LARGEST - 2**16:
                operator.builtinOptions.fusedActivationFunction = without
                changed = True
    return changed
