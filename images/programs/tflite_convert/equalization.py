"""Cross-layer equalization: what one layer gives and the next one takes is scaled, channel by channel, so that no
channel needs a range that leaves the others few steps.

The function of the model stays: what a channel is multiplied by in the first layer it is divided by in the second.
Factors are powers of two, so that floats stay the same to the last bit. After Nagel et al., "Data-Free Quantization
Through Weight Equalization and Bias Correction" (2019), with the activations' ranges on samples in place of the first
layer's weights.
"""

from typing import NamedTuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer, observation
from .passes import editing
from .passes.editing import GIVEN

OPERATORS = schema.BuiltinOperator
# Where the places of the channels that an operator takes are in weights.
TAKEN = {
    OPERATORS.CONV_2D: 3,
    OPERATORS.DEPTHWISE_CONV_2D: 3,
    OPERATORS.FULLY_CONNECTED: 1,
    OPERATORS.TRANSPOSE_CONV: 3,
}
# What factors of a channel go through, if they are above 0.
HOMOGENEOUS = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
BETWEEN = (OPERATORS.RELU, OPERATORS.MAX_POOL_2D, OPERATORS.AVERAGE_POOL_2D, OPERATORS.PAD, OPERATORS.MEAN)


class Pair(NamedTuple):
    """Two layers, OperatorTs, and the tensor that the first one gives."""

    first: object
    second: object
    tensor: int


def equalized(content, inputs, samples, steps):
    """The bytes of a file of floats whose layers are equalized on samples as `observation.each` has them, for weights
    of some `WeightSteps`; the same bytes if there is nothing to do.
    """
    model = flatbuffer.unpacked(content)
    pairs = _pairs(model)
    if not pairs:
        return content
    tensors = sorted({pair.tensor for pair in pairs})

    def largest(observed):
        found = dict.fromkeys(tensors, 0.0)
        for values in observed:
            for tensor, array in values.items():
                found[tensor] = np.maximum(found[tensor], np.abs(array).reshape(-1, array.shape[-1]).max(axis=0))
        return found

    shares = observation.of_shares(model, tensors, inputs, samples, largest)
    for pair in pairs:
        _equalize(model, pair, np.max([found[pair.tensor] for found in shares], axis=0), steps)
    return flatbuffer.packed(model)


def _pairs(model):
    """Every `Pair` whose channels nobody else sees, in the order of computing."""
    graph = model.subgraphs[0]
    readers, outputs = editing.readers(graph), {int(each) for each in graph.outputs}

    def reader(tensor):
        (found,) = readers[tensor] if tensor not in outputs and len(readers[tensor]) == 1 else [(None, 0)]
        return found

    def is_own(tensor):
        constant = editing.numbers(model, graph.tensors[tensor])
        return constant is not None and len(readers[tensor]) == 1

    found = []
    for _, first, kind in editing.operators(model):
        if kind not in GIVEN or first.builtinOptions.fusedActivationFunction not in HOMOGENEOUS:
            continue
        tensor = int(first.outputs[0])
        second, at = reader(tensor)
        while second is not None and _passes(model, graph, second):
            second, at = reader(int(second.outputs[0]))
        if second is None or editing.kind(model, second) not in TAKEN:
            continue
        data, weights, _ = editing.WEIGHTED[editing.kind(model, second)]
        constants = [first.inputs[place] for place in editing.WEIGHTED[kind][1:] if _has(first, place)]
        if at == data and all(map(is_own, [*constants, second.inputs[weights]])) and _fit(model, graph, first, second):
            found.append(Pair(first, second, tensor))
    return found


def _has(operator, place):
    return place < len(operator.inputs) and operator.inputs[place] >= 0


def _passes(model, graph, operator):
    """Whether an operator gives a multiple of each channel for a multiple of it."""
    kind = editing.kind(model, operator)
    if kind not in BETWEEN:
        return False
    if kind == OPERATORS.MEAN:
        axes = editing.numbers(model, graph.tensors[operator.inputs[1]])
        rank = len(graph.tensors[operator.inputs[0]].shape)
        return axes is not None and all(axis % rank != rank - 1 for axis in axes)
    if kind == OPERATORS.PAD:
        amounts = editing.numbers(model, graph.tensors[operator.inputs[1]])
        return amounts is not None and not amounts[-2:].any()
    options = operator.builtinOptions
    return options is None or getattr(options, "fusedActivationFunction", 0) in HOMOGENEOUS


def _fit(model, graph, first, second):
    """Whether the second layer takes each channel of the first one as a channel."""
    _, kind = editing.kind(model, first), editing.kind(model, second)
    weights = graph.tensors[second.inputs[editing.WEIGHTED[kind][1]]]
    channels = int(graph.tensors[first.outputs[0]].shape[-1])
    taken = int(weights.shape[TAKEN[kind]])
    return taken == channels * (second.builtinOptions.depthMultiplier if kind == OPERATORS.DEPTHWISE_CONV_2D else 1)


def _equalize(model, pair, largest, steps):
    graph = model.subgraphs[0]
    one, two = editing.kind(model, pair.first), editing.kind(model, pair.second)
    _, weights, bias = editing.WEIGHTED[one]
    _, taken, _ = editing.WEIGHTED[two]
    after = graph.tensors[pair.second.inputs[taken]]
    repeated = after.shape[TAKEN[two]] // len(largest)
    read = _largest_of(model, after, TAKEN[two]).reshape(-1, repeated).max(axis=1)
    given = _parts(largest)
    # Their channels need a range in weights, too.
    if one in steps.of_one:
        given = np.maximum(given, _parts(_largest_of(model, graph.tensors[pair.first.inputs[weights]], GIVEN[one])))
    factors = _factors(given, read)
    _multiply(model, graph.tensors[pair.first.inputs[weights]], GIVEN[one], factors)
    if _has(pair.first, bias):
        _multiply(model, graph.tensors[pair.first.inputs[bias]], 0, factors)
    _multiply(model, after, TAKEN[two], np.repeat(1 / factors, repeated))


def _largest_of(model, weights, axis):
    """The largest weight at each place along an axis."""
    numbers = editing.numbers(model, weights).reshape(weights.shape)
    return np.abs(numbers).max(axis=tuple(at for at in range(numbers.ndim) if at != axis))


def _parts(largest):
    return largest / (largest.max() or 1)


def _factors(given, read):
    """Of each channel, by what part of the range it needs where it is given, and by the largest weight that reads it:
    the two become alike, but for a power of two. What is 0 on one side stays, and so does a channel in the middle.
    """
    known = (given > 0) & (read > 0)
    if not known.any():
        return np.ones(len(given), np.float32)
    exact = np.log2(read[known] / given[known]) / 2
    factors = np.ones(len(given), np.float32)
    factors[known] = np.exp2(np.round(exact - np.median(exact)))
    return factors


def _multiply(model, tensor, axis, factors):
    numbers = editing.numbers(model, tensor).reshape(tensor.shape)
    shape = [-1 if at == axis else 1 for at in range(numbers.ndim)]
    editing.set_numbers(model, tensor, np.ascontiguousarray(numbers * factors.reshape(shape)))
