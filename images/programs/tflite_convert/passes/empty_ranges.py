"""Tensors that are one number on all calibration samples.

What integers stand for follows from the smallest and the largest number that was seen. Where both are 0, the quantizer
of TensorFlow 2.4.1 divides by a step of 0: a runtime computes zeros, or ends. Any steps have a 0; but nothing is known
of other numbers that the tensor may have, and a warning says so.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import ranges

# Below it steps of 16 bits are subnormal.
LEAST = 1e-30
TOLD = (
    "{0!r} is {1:g} in all calibration samples: as integers it may come to nothing else; calibrate on samples in which "
    "it differs"
)


def apply(model, known):
    """Give ranges without any width one: from -1 to 1, or up to the ``known.limits`` of `relevance`."""
    changed = False
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        if _is_ranged(model, tensor) and ranges.width(*ranges.of(model, tensor)) < LEAST:
            limits = known.limits.get(index, ranges.ASSUMED)
            ranges.set_to(tensor, *[end if np.isfinite(end) else other for end, other in zip(limits, ranges.ASSUMED)])
            changed = True
    return changed


def told(model):
    """A line on each tensor that is one number although its operands are not."""
    graph = model.subgraphs[0]
    found = []
    for operator in graph.operators:
        read, written = (
            [graph.tensors[index] for index in places if index >= 0] for places in (operator.inputs, operator.outputs)
        )
        if not any(_is_one(model, tensor) for tensor in read):
            found += [
                TOLD.format(_layer(tensor), *ranges.of(model, tensor)) for tensor in written if _is_one(model, tensor)
            ]
    return found


def _layer(tensor):
    """The first of the names that a tensor has of the operators that were made one."""
    return tensor.name.decode().split(";")[0]


def _is_ranged(model, tensor):
    """Whether a tensor of floats is computed, and was seen."""
    is_float = tensor.type == schema.TensorType.FLOAT32
    ranged = tensor.quantization
    return is_float and model.buffers[tensor.buffer].data is None and ranged is not None and ranged.min is not None


def _is_one(model, tensor):
    """Whether a tensor is one number. A negative one is not found: the calibrator has no largest number below 0."""
    low, high = ranges.of(model, tensor)
    return _is_ranged(model, tensor) and (low == high or ranges.width(low, high) < LEAST)
