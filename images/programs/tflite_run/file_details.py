"""A file's inputs and outputs as TFLite's interpreter describes them, for runtimes that do not."""

import numpy as np


def details(graph, places):
    """Of the tensors at ``places`` of a graph that `parts.read` gave: [{name, index, shape, ...}]. ``index`` counts
    the places, shapes are int32.
    """
    return [_detail(graph.tensors[place], at) for at, place in enumerate(places)]


def by(shape):
    """A shape in words."""
    return "x".join(map(str, shape)) or "a scalar"


def _detail(tensor, at):
    quantized = tensor.quantization
    return {
        "name": tensor.name,
        "index": at,
        "shape": np.array(tensor.shape, np.int32),
        "shape_signature": np.array(tensor.signature, np.int32),
        "dtype": np.dtype(tensor.dtype).type,
        "quantization": (quantized.scales[0], quantized.zero_points[0]) if len(quantized.scales) == 1 else (0.0, 0),
    }
