"""Constants of 16 bits that are 0, as the offset of a normalization before it is trained: the quantizer of TensorFlow
2.4.1 gives them no step.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing


def apply(model, _):
    """Give them a step, whichever."""
    found = [tensor for graph in model.subgraphs for tensor in graph.tensors if _is_one(model, tensor)]
    for tensor in found:
        tensor.quantization.scale = np.float32([np.finfo(np.float32).eps])
    return bool(found)


def _is_one(model, tensor):
    if tensor.type != schema.TensorType.INT16 or tensor.quantization is None or tensor.quantization.scale is None:
        return False
    numbers = editing.numbers(model, tensor)
    return numbers is not None and not numbers.any() and tensor.quantization.scale[0] < np.finfo(np.float32).tiny
