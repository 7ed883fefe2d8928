"""BatchNormalization as it is at inference: a multiplication and an addition with constants."""

import numpy as np

from handlers.handler import UnsupportedError, handles


@handles("BatchNormalization")
def batch_normalization(node, values):
    x = values[node.inputs[0]]
    statistics = [values.constant(name) for name in node.inputs[1:]]
    if any(array is None for array in statistics):
        raise UnsupportedError("its statistics are computed by the model", "export the model in evaluation mode")
    scale, offset, mean, variance = [array.astype(np.float64) for array in statistics]
    factor = scale / np.sqrt(variance + node.attrs.get("epsilon", 1e-5))
    return [x * _along_channels(factor, x) + _along_channels(offset - mean * factor, x)]


def _along_channels(vector, x):
    shape = [-1 if dimension == 1 else 1 for dimension in range(x.shape.rank)]
    return vector.astype(x.dtype.as_numpy_dtype).reshape(shape)
