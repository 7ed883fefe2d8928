"""Constants in differences of 16 bits: the quantizer of TensorFlow 2.4.1 gives them 8 bits, as if they were weights."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

LARGEST = np.iinfo(np.int16).max


def apply(model, known):
    """Give such constants 16 bits, from those of ``known.floats()``, the file that the quantizer was given."""
    floats, changed = None, False
    for at, graph in enumerate(model.subgraphs):
        for operator, _, index in editing.reads(graph):
            tensor = graph.tensors[index]
            if (
                editing.kind(model, operator) == schema.BuiltinOperator.SUB
                and graph.tensors[operator.outputs[0]].type == schema.TensorType.INT16
                and tensor.type == schema.TensorType.INT8
            ):
                floats = floats or known.floats()
                # The quantizer adds tensors behind those that there are.
                _widen(model, tensor, editing.numbers(floats, floats.subgraphs[at].tensors[index]))
                changed = True
    return changed


def _widen(model, tensor, numbers):
    scale = np.float32(max(np.abs(numbers).max() / LARGEST, np.finfo(np.float32).eps))
    editing.set_numbers(model, tensor, np.round(numbers / scale).astype(np.int16))
    tensor.quantization.scale, tensor.quantization.zeroPoint = np.array([scale]), np.zeros(1, np.int64)
