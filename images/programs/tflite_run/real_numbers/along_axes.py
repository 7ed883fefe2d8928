"""Reductions, normalizations and pooling."""

import numpy as np

from . import sliding_windows
from .call import Definition


def _reduced(function):
    def reduced(call):
        axes = tuple({axis % call.inputs[0].ndim for axis in call.whole(1)})
        return function(call.inputs[0], axis=axes, keepdims=call.option("keep_dims", False))

    return reduced


def _place(function):
    return lambda call: function(call.inputs[0], call.whole(1)[0])


def _softmax(call):
    scaled = call.inputs[0] * call.option("beta", 1)
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _log_softmax(call):
    (x,) = call.inputs
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def _normalized(call):
    (x,) = call.inputs
    return x / np.maximum(np.sqrt((x**2).sum(-1, keepdims=True)), 1e-6)


def _largest(call):
    return _pooled(call, -np.inf, np.maximum)


def _average(call):
    counts = _pooled(call._replace(inputs=[np.ones_like(call.inputs[0])]), 0, np.add)
    return _pooled(call, 0, np.add) / counts


def _pooled(call, fill, joined):
    sizes = [call.option("filter_height", 1), call.option("filter_width", 1)]
    x, counts = sliding_windows.padded(call, call.inputs[0], sizes, fill)
    found = None
    for _, values in sliding_windows.places(call, x, sizes, counts):
        found = values.copy() if found is None else joined(found, values)
    return found


DEFINITIONS = {
    "MEAN": Definition(_reduced(np.mean), 1, 1),
    "SUM": Definition(_reduced(np.sum), 1, 1),
    "REDUCE_MAX": Definition(_reduced(np.max), 0, 0),
    "REDUCE_MIN": Definition(_reduced(np.min), 0, 0),
    "ARG_MAX": Definition(_place(np.argmax), 0, 0),
    "ARG_MIN": Definition(_place(np.argmin), 0, 0),
    "SOFTMAX": Definition(_softmax, 1, 32),
    "LOG_SOFTMAX": Definition(_log_softmax, 1, 1),
    "L2_NORMALIZATION": Definition(_normalized, 1, 1),
    "MAX_POOL_2D": Definition(_largest, 0, 0),
    "AVERAGE_POOL_2D": Definition(_average, 1, 1),
}
