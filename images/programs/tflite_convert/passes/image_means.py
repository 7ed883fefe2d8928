"""Means over an image in a file of integers that the converter wrote.

TensorFlow 2.4.1 has a kernel of its own for a mean over an image that keeps its dimensions, which leaves the fraction
of an offset out: most of its results may be a step too small or too large. Without those dimensions another kernel
computes the mean, to the step; reshaping costs nothing.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

IMAGE = 4


def apply(model, _):
    """Reduce each mean of an image to a vector, and reshape that."""
    found = [_apply(model, graph) for graph in model.subgraphs]
    return any(found)


def _apply(model, graph):
    means = [
        operator
        for operator in graph.operators
        if editing.kind(model, operator) == schema.BuiltinOperator.MEAN and _is_of_an_image(graph, operator)
    ]
    editing.replace_operators(
        graph, lambda operator: [operator, _reduced(model, graph, operator)] if operator in means else [operator]
    )
    return bool(means)


def _is_of_an_image(graph, operator):
    read = graph.tensors[operator.inputs[0]]
    return operator.builtinOptions.keepDims and read.type == schema.TensorType.INT8 and len(read.shape) == IMAGE


def _reduced(model, graph, operator):
    """Let a mean leave its dimensions out; the RESHAPE that brings them back."""
    (whole,) = operator.outputs
    tensor = graph.tensors[whole]
    axes = editing.numbers(model, graph.tensors[operator.inputs[1]]) % IMAGE
    reduced = editing.add_reshaped(graph, tensor, tensor.name + b"/reduced", np.delete(tensor.shape, axes))
    operator.builtinOptions.keepDims = False
    operator.outputs = np.array([reduced], np.int32)
    return editing.reshape(model, graph, reduced, whole)
