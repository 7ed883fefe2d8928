"""The weights of transposed convolutions in a file of a model that was trained for int8.

The converter of TensorFlow 2.4.1 rounds them with one scale for all channels, and beside zero: they are neither those
that the model was trained with nor what its own kernel takes, which scales the first channel alone. They are given the
scales of their channels here, as the quantizer for calibrated models does it.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

INPUT, WEIGHT, BIAS = editing.WEIGHTED[schema.BuiltinOperator.TRANSPOSE_CONV]
LARGEST = 127


def apply(model, known):
    """Round such weights of int8 anew, from those of ``known.floats()``, the same model in floats."""
    found = [
        (graph, operator)
        for graph, operator in _transposed(model)
        if graph.tensors[operator.inputs[WEIGHT]].type == schema.TensorType.INT8
    ]
    if not found:
        return False
    floats = known.floats()
    # Both files have the operators in the order of the one graph.
    for (graph, operator), (its_graph, its_operator) in zip(found, _transposed(floats)):
        weight, original = graph.tensors[operator.inputs[WEIGHT]], its_graph.tensors[its_operator.inputs[WEIGHT]]
        values = editing.numbers(floats, original).reshape(original.shape)
        scales = np.abs(values).max(axis=(1, 2, 3)) / LARGEST
        scales = np.maximum(scales, np.finfo(np.float32).eps).astype(np.float32)
        _write(model, weight, np.round(values / scales[:, None, None, None]).astype(np.int8), scales)
        if len(operator.inputs) > BIAS and operator.inputs[BIAS] >= 0:
            bias = graph.tensors[operator.inputs[BIAS]]
            numbers = editing.numbers(model, bias) * bias.quantization.scale[0].astype(np.float64)
            steps = scales * graph.tensors[operator.inputs[INPUT]].quantization.scale[0]
            _write(model, bias, np.round(numbers / steps).astype(np.int32), steps)
    return True


def _transposed(model):
    return [
        (graph, operator)
        for graph, operator, kind in editing.operators(model)
        if kind == schema.BuiltinOperator.TRANSPOSE_CONV
    ]


def _write(model, tensor, integers, scales):
    if sum(other.buffer == tensor.buffer for graph in model.subgraphs for other in graph.tensors) > 1:
        editing.set_numbers(model, tensor, integers)
    else:
        model.buffers[tensor.buffer].data = integers.reshape(-1).view(np.uint8)
    tensor.quantization.scale, tensor.quantization.quantizedDimension = scales, 0
    tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
