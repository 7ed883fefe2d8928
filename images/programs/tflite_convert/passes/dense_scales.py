"""Scales of dense layers: one for each channel of their weights, where the target's runtimes take these.

The quantizer of TensorFlow 2.4.1 writes one for all, as the runtimes of its time know no other. Weights and biases are
rounded anew here, from the floats.
"""

from typing import NamedTuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing, weight_steps

DENSE = schema.BuiltinOperator.FULLY_CONNECTED
# What a target has whose runtimes take such scales beside activations of a type. Beside floats, runtimes quantize the
# activations themselves; this version of the operator is then the first that is right.
FEATURES = {
    schema.TensorType.INT8: "dense-channels",
    schema.TensorType.INT16: "int16-dense-channels",
    schema.TensorType.FLOAT32: "dynamic-dense-channels",
}
VERSION_BESIDE_FLOATS = 12


def apply(model, known):
    """Give such layers a scale for each channel, from the weights and biases of ``known.floats()``, the same model with
    its tensors at the same places. Weights have ``known.bits`` bits.
    """
    taken = [number for number, feature in FEATURES.items() if feature in known.has]
    layers = [
        [operator for operator in graph.operators if _has_integers(model, graph, operator, taken)]
        for graph in model.subgraphs
    ]
    if not any(layers):
        return False
    floats = known.floats()
    for graph, of_floats, dense in zip(model.subgraphs, floats.subgraphs, layers):
        for at in dict.fromkeys(int(operator.inputs[1]) for operator in dense):
            alike = [operator for operator in dense if operator.inputs[1] == at]
            _rescale(model, graph, _Floats(floats, of_floats), at, alike, known.bits)
    return True


class _Floats(NamedTuple):
    """A ModelT of floats, and one of its graphs."""

    model: object
    graph: object

    def numbers(self, at):
        """Those of the constant at a place, in its shape."""
        tensor = self.graph.tensors[at]
        return editing.numbers(self.model, tensor).reshape(tensor.shape)


def _has_integers(model, graph, operator, taken):
    if editing.kind(model, operator) != DENSE or graph.tensors[operator.inputs[0]].type not in taken:
        return False
    weights = graph.tensors[operator.inputs[1]]
    return weights.type == schema.TensorType.INT8 and editing.numbers(model, weights) is not None


def _rescale(model, graph, floats, at, layers, bits):
    """Round the weights at a place anew, and the biases of the ``layers`` that read them."""
    numbers = floats.numbers(at)
    scales = weight_steps.scales(numbers, 0, bits)
    biases = [_Bias(graph, floats, each) for each in layers if _has_integer_bias(graph, each)]
    for bias in biases:
        scales = np.maximum(scales, bias.least_scales).astype(np.float32)
    others = [reader for reader, _ in editing.readers(graph)[at] if not any(reader is each for each in layers)]
    place = editing.add_repeated(model, graph, graph.tensors[at]) if others else at
    integers = weight_steps.integers(numbers, scales, 0, bits)
    editing.set_integers(model, graph.tensors[place], integers, scales, 0, bits)
    for layer in layers:
        layer.inputs = layer.inputs.copy()
        layer.inputs[1] = place
        if graph.tensors[layer.inputs[0]].type == schema.TensorType.FLOAT32:
            model.operatorCodes[layer.opcodeIndex].version = VERSION_BESIDE_FLOATS
    for bias in biases:
        bias.round(model, scales)


def _has_integer_bias(graph, layer):
    at = layer.inputs[2] if len(layer.inputs) > 2 else -1
    return at >= 0 and graph.tensors[at].type != schema.TensorType.FLOAT32


class _Bias:
    """The bias of a layer, a ``tensor`` of integers with the steps of its input and its weights."""

    def __init__(self, graph, floats, layer):
        self.tensor = graph.tensors[layer.inputs[2]]
        self._numbers = floats.numbers(layer.inputs[2]).astype(np.float64)
        self._read_scale = np.float64(graph.tensors[layer.inputs[0]].quantization.scale[0])
        self._limits = np.iinfo(editing.DTYPES[self.tensor.type])

    @property
    def least_scales(self):
        """Those of weights with which no number of the bias is larger than its type has."""
        return np.abs(self._numbers) / (self._read_scale * self._limits.max)

    def round(self, model, scales):
        steps = self._read_scale * scales
        integers = np.clip(np.round(self._numbers / steps), self._limits.min, self._limits.max)
        editing.set_integers(model, self.tensor, integers.astype(self._limits.dtype), steps.astype(np.float32), 0)
