"""Scales of dense layers: one for each channel of their weights, where the target's runtimes take these.

The quantizer of TensorFlow 2.4.1 writes one for all, as the runtimes of its time know no other. Weights and biases are
rounded anew here, from the floats.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing
from .weight_steps import LARGEST, PER_CHANNEL

DENSE = schema.BuiltinOperator.FULLY_CONNECTED
# What a target has whose runtimes take such scales beside activations of a type.
FEATURES = {schema.TensorType.INT8: "dense-channels", schema.TensorType.INT16: "int16-dense-channels"}


def apply(model, known):
    """Give such layers a scale for each channel, from the weights and biases of ``known.floats()``, the same model with
    its tensors at the same places.
    """
    taken = [number for number, feature in FEATURES.items() if feature in known.has]
    dense = [
        operator
        for graph, operator, kind in editing.operators(model)
        if kind == DENSE and graph.tensors[operator.inputs[0]].type in taken and _has_integers(model, graph, operator)
    ]
    floats = known.floats() if dense else None
    for at in dict.fromkeys(int(operator.inputs[1]) for operator in dense):
        _rescale(model, floats, at, [operator for operator in dense if operator.inputs[1] == at])
    return bool(dense)


def _has_integers(model, graph, operator):
    weights = graph.tensors[operator.inputs[1]]
    return weights.type == schema.TensorType.INT8 and editing.numbers(model, weights) is not None


def _rescale(model, floats, at, layers):
    """Round the weights at a place anew, and the biases of the ``layers`` that read them."""
    (graph,), (of_floats,) = model.subgraphs, floats.subgraphs
    numbers = editing.numbers(floats, of_floats.tensors[at]).reshape(of_floats.tensors[at].shape)
    scales = PER_CHANNEL.largest(numbers, DENSE).ravel() / np.float32(LARGEST)
    biases = [each for each in layers if len(each.inputs) > 2 and each.inputs[2] >= 0]
    for layer in biases:
        # A bias has no more than its type has, whatever the weights beside it.
        bias, step, limits = _bias(graph, of_floats, floats, layer)
        scales = np.maximum(scales, np.abs(bias) / np.float32(step * limits.max)).astype(np.float32)
    others = [layer for layer, _ in editing.readers(graph)[at] if not any(layer is each for each in layers)]
    place = editing.add_repeated(model, graph, graph.tensors[at]) if others else at
    integers = np.clip(np.round(numbers / scales[:, None]), -LARGEST, LARGEST).astype(np.int8)
    _write(model, graph.tensors[place], integers, scales)
    for layer in layers:
        layer.inputs = layer.inputs.copy()
        layer.inputs[1] = place
    for layer in biases:
        bias, step, limits = _bias(graph, of_floats, floats, layer)
        steps = step * scales.astype(np.float64)
        integers = np.clip(np.round(bias / steps), limits.min, limits.max).astype(limits.dtype)
        _write(model, graph.tensors[layer.inputs[2]], integers, steps.astype(np.float32))


def _bias(graph, of_floats, floats, layer):
    """(numbers, the step of the layer's input, what the bias' type holds)."""
    bias, read = graph.tensors[layer.inputs[2]], graph.tensors[layer.inputs[0]]
    numbers = editing.numbers(floats, of_floats.tensors[layer.inputs[2]])
    return numbers, np.float64(read.quantization.scale[0]), np.iinfo(editing.DTYPES[bias.type])


def _write(model, tensor, integers, scales):
    editing.set_numbers(model, tensor, integers)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
