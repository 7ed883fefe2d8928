"""Bias correction: rounded weights move the mean of what a layer gives; its bias takes that back.

After Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019): the mean is that on
samples.
"""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import observation
from .passes import editing


def correct(model, inputs, samples, kept, rounded, before, steps):
    """Change the biases of a ModelT of floats that is to be quantized, but for those of operators that are ``kept`` in
    floats; samples as `observation.each` has them. By their places among tensors, ``rounded`` has what weights become,
    where that is not the nearest in ``steps``, the `WeightSteps`, and ``before`` what they were before they were cut.
    Returns whether there was one.
    """
    graph, kept = model.subgraphs[0], {id(operator) for operator in kept}
    layers = [(operator, kind) for operator, kind in _layers(model, graph) if id(operator) not in kept]
    beside = copy.copy(model)
    beside.buffers, beside.subgraphs = list(model.buffers), [copy.copy(graph)]
    beside.subgraphs[0].tensors = list(graph.tensors)
    beside.subgraphs[0].operators = list(graph.operators)
    added = [_lost(beside, operator, kind, rounded, before, steps) for operator, kind in layers]

    def means(observed):
        return [{tensor: _mean(array) for tensor, array in values.items()} for values in observed]

    sums = dict.fromkeys(added, 0.0)
    # One sample after the other, so that sums are the same however samples were shared.
    for share in observation.of_shares(beside, added, inputs, samples, means) if added else ():
        for sample in share:
            sums.update((tensor, sums[tensor] + mean) for tensor, mean in sample.items())
    for (operator, kind), tensor in zip(layers, added):
        bias = graph.tensors[operator.inputs[editing.WEIGHTED[kind][2]]]
        numbers = editing.numbers(model, bias)
        editing.set_numbers(model, bias, (numbers - sums[tensor] / len(samples)).astype(np.float32))
    return bool(layers)


def _mean(array):
    return array.reshape(-1, array.shape[-1]).mean(axis=0, dtype=np.float64)


def _layers(model, graph):
    """(operator, kind) of those with weights and a bias that nobody else reads."""
    readers = editing.readers(graph)
    for _, operator, kind in editing.operators(model):
        if kind in editing.WEIGHTED:
            _, *constants = editing.WEIGHTED[kind]
            places = [operator.inputs[at] if at < len(operator.inputs) else -1 for at in constants]
            if all(at >= 0 and _is_float(model, graph.tensors[at]) for at in places) and len(readers[places[1]]) == 1:
                yield operator, kind


def _is_float(model, tensor):
    return tensor.type == schema.TensorType.FLOAT32 and editing.numbers(model, tensor) is not None


def _lost(model, operator, kind, rounded, before, steps):
    """The place of a new tensor: what the operator gives more with rounded weights than with those ``before``."""
    graph = model.subgraphs[0]
    _, weights, bias = editing.WEIGHTED[kind]
    given = graph.tensors[operator.outputs[0]]
    tensor = graph.tensors[operator.inputs[weights]]
    numbers = editing.numbers(model, tensor).reshape(tensor.shape)
    added = copy.copy(operator)
    added.builtinOptions = copy.copy(operator.builtinOptions)
    added.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
    added.inputs = np.array(operator.inputs, np.int32)
    own = operator.inputs[weights]
    becoming = rounded[own] if own in rounded else steps.nearest(numbers, kind)
    difference = np.ascontiguousarray(becoming - before.get(own, numbers))
    added.inputs[weights] = editing.add_constant(model, graph, tensor.name + b"/rounding", difference)
    zeros = np.zeros_like(editing.numbers(model, graph.tensors[operator.inputs[bias]]))
    added.inputs[bias] = editing.add_constant(model, graph, tensor.name + b"/none", zeros)
    found = editing.add_tensor(graph, given.name + b"/rounding", given.shape)
    added.outputs = np.array([found], np.int32)
    graph.operators.append(added)
    return found
