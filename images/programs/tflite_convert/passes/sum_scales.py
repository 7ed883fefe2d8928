"""Sums and differences of 16 bits whose scales are all next to powers of two.

There runtimes shift in place of multiplying. But they shift no operand that is broadcast (TensorFlow 2.4.1 subtracts it
as it is), and none to a smaller scale.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, ranges

LARGEST = np.iinfo(np.int16).max
# What runtimes take for a power of two, by its logarithm; a factor that leads out of there.
NEAR, OFF = 1e-3, np.float32(1.002)


def apply(model, _):
    """Give a result another scale where runtimes fail with all three as they are."""
    found = [
        _apply(model, graph, operator)
        for graph, operator, kind in editing.operators(model)
        if kind in (schema.BuiltinOperator.ADD, schema.BuiltinOperator.SUB)
    ]
    return any(found)


def _apply(model, graph, operator):
    if not _is_computed_wrongly(model, graph, operator):
        return False
    ranged = graph.tensors[operator.outputs[0]].quantization
    ranged.min, ranged.max = ranged.min * OFF, ranged.max * OFF
    return True


def _is_computed_wrongly(model, graph, operator):
    tensors = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs)]
    ends = np.abs([ranges.of(model, tensor) for tensor in tensors])
    if not np.isfinite(ends).all() or not ends.max(axis=1).all():
        return False
    *shifts, result = np.log2(ends.max(axis=1) / LARGEST)
    if max(abs(power - round(power)) for power in (*shifts, result)) > NEAR:
        return False
    one, other = (() if tensor.shape is None else tuple(tensor.shape) for tensor in tensors[:2])
    return one != other or round(max(shifts)) != round(result)
