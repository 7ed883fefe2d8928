"""Ranges of weights that are narrower than their largest number: by ``percentile=P`` or ``mse``.

The quantizer takes the largest number of a channel as its 127 (of a dense layer, that of all
weights, where its channels have one scale). So numbers are
cut in the file of floats: what is beyond saturates, and all else gets finer steps.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import range_methods
from .passes import editing
from .passes.weight_steps import LARGEST, nearest_ends


def cut(model, method, kept, steps):
    """Change the weights of a ModelT of floats, but for those that an operator of ``kept`` reads. Returns what was cut,
    as `range_methods.cut` does, and {place of a tensor: its numbers before}. ``steps`` are the `WeightSteps`.
    """
    graph, kept = model.subgraphs[0], {id(operator) for operator in kept}
    left = {graph.tensors[at].buffer for operator, _, at in editing.reads(graph) if id(operator) in kept}
    told, before = [], {}
    for _, operator, kind in editing.operators(model):
        if kind not in editing.WEIGHTED:
            continue
        at = int(operator.inputs[editing.WEIGHTED[kind][1]])
        tensor = graph.tensors[at]
        is_float = tensor.type == schema.TensorType.FLOAT32 and editing.numbers(model, tensor) is not None
        if not is_float or at in before or tensor.buffer in left:
            continue
        numbers = editing.numbers(model, tensor).reshape(tensor.shape)
        ends = _ends(method, numbers, steps.alike(numbers, kind))
        beyond = np.abs(numbers) > ends
        if beyond.any():
            before[at] = numbers
            clipped = np.clip(numbers, -ends, ends)
            editing.set_numbers(model, tensor, np.ascontiguousarray(clipped))
            told.append(range_methods.told(tensor, numbers, clipped, beyond.mean()))
    return told, before


def _ends(method, numbers, axes):
    """The largest number that is left of each channel, an array of one size along ``axes``."""
    kind, _, share = method.partition("=")
    if kind == "percentile":
        return np.percentile(np.abs(numbers), float(share), axis=axes, keepdims=True).astype(np.float32)
    return nearest_ends(numbers, axes, LARGEST)
