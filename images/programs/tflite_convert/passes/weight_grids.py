"""Constants in a file of a model that is quantized, or was trained for int8.

They are multiples of a step already: of one for each channel, or of one for all. The converter of TensorFlow 2.4.1
looks at their largest number alone, and rounds them to other steps; the weights of transposed convolutions to one for
all channels, and beside zero, which its own kernel does not take. They are given the integers and the steps of the
model here. Weights that are no such multiples, as TFLite can't have them, get the steps that reach their largest.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

LARGEST, LEAST = 127, -128
# Operators whose operands have a scale each.
SCALED = (schema.BuiltinOperator.ADD, schema.BuiltinOperator.MUL, schema.BuiltinOperator.SUB)
# How far a multiple may be from a whole number of steps: what float32 rounds off.
NEAR = 1e-3
# So many numbers of a channel are looked at first: few steps but the right ones fit them.
FIRST = 32


def apply(model, known):
    """Round constants of int8 anew, from those of ``known.floats()``, the same model in floats."""
    floats = known.floats()
    found = [
        _weights(model, *of_integers, floats, *of_floats)
        if kind in editing.WEIGHTED
        else _operands(model, *of_integers, floats, *of_floats)
        for kind, of_integers, of_floats in _pairs(model, floats)
        if kind in editing.WEIGHTED or kind in SCALED
    ]
    return any(found)


def off_grid(floats):
    """The names of the operators of a ModelT of floats whose weights are no multiples of any steps that int8 has."""
    found = []
    for graph, operator, kind in editing.operators(floats):
        if kind in editing.WEIGHTED:
            values = _floats(floats, graph.tensors[operator.inputs[editing.WEIGHTED[kind][1]]])
            if values is not None and not all(step(row) for row in _by_channel(values, kind)):
                found.append(graph.tensors[operator.outputs[0]].name.decode())
    return found


def step(numbers, least=LEAST, largest=LARGEST):
    """The largest step of which float32 numbers are multiples from ``least`` to ``largest``; None if there is none."""
    low, high = float(numbers.min()), float(numbers.max())
    reach = max(-low, high)
    if reach == 0:
        return np.float32(1)
    some = numbers[:FIRST]
    for count in range(1, max(-least, largest) + 1):
        size = reach / count
        if _fits(some, size) and _fits(numbers, size) and least - NEAR < low / size and high / size < largest + NEAR:
            return _exact(numbers, np.float32(size))
    return None


def _fits(numbers, size):
    counts = numbers / size
    return np.abs(counts - np.round(counts)).max() < NEAR


def _exact(numbers, size):
    """Of a step and its neighbours in float32 the one whose multiples are the most of the numbers, to the last bit."""
    counts = np.round(numbers / size).astype(np.float32)
    neighbours = [size, np.nextafter(size, np.float32(0)), np.nextafter(size, np.float32(np.inf))]
    return max(neighbours, key=lambda each: np.count_nonzero(counts * each == numbers))


def _pairs(model, floats):
    """(kind, (graph, operator), (graph, operator)) of the operators in both models, in the order of the one graph."""
    both = [{}, {}]
    for found, each in zip(both, (model, floats)):
        for graph, operator, kind in editing.operators(each):
            found.setdefault(kind, []).append((graph, operator))
    for kind, operators in both[0].items():
        if len(operators) == len(both[1].get(kind, ())):
            for pair in zip(operators, both[1][kind]):
                yield (kind, *pair)


def _weights(model, graph, operator, floats, its_graph, its_operator):
    kind = editing.kind(model, operator)
    read_at, weight_at, bias_at = editing.WEIGHTED[kind]
    weight, original = graph.tensors[operator.inputs[weight_at]], its_graph.tensors[its_operator.inputs[weight_at]]
    values = _floats(floats, original)
    if weight.type != schema.TensorType.INT8 or values is None:
        return False
    axis = editing.GIVEN[kind]
    rows = _by_channel(values, kind)
    whole = step(values.ravel())
    if whole is not None:
        scales = np.full(1 if kind == schema.BuiltinOperator.FULLY_CONNECTED else len(rows), whole)
    else:
        scales = np.float32([_step_of_channel(row) for row in rows])
    spread = scales.reshape([-1 if at == axis and len(scales) > 1 else 1 for at in range(values.ndim)])
    integers = np.clip(np.round(values / spread), LEAST, LARGEST).astype(np.int8)
    _write(model, graph, operator, weight_at, integers, scales, axis)
    biased = len(operator.inputs) > bias_at and operator.inputs[bias_at] >= 0
    bias = _floats(floats, its_graph.tensors[its_operator.inputs[bias_at]]) if biased else None
    if bias is not None:
        steps = scales * graph.tensors[operator.inputs[read_at]].quantization.scale[0]
        limits = np.iinfo(np.int32)
        integers = np.clip(np.round(bias / steps.astype(np.float64)), limits.min, limits.max).astype(np.int32)
        _write(model, graph, operator, bias_at, integers, steps, 0)
    return True


def _by_channel(values, kind):
    """Weights as [channels, numbers]."""
    return np.moveaxis(values, editing.GIVEN[kind], 0).reshape(values.shape[editing.GIVEN[kind]], -1)


def _step_of_channel(row):
    found = step(row)
    return np.abs(row).max() / np.float32(LARGEST) if found is None else found


def _operands(model, graph, operator, floats, its_graph, its_operator):
    changed = False
    for position, (index, its_index) in enumerate(zip(operator.inputs, its_operator.inputs)):
        if min(index, its_index) < 0:
            continue
        tensor, values = graph.tensors[index], _floats(floats, its_graph.tensors[its_index])
        if tensor.type != schema.TensorType.INT8 or values is None or model.buffers[tensor.buffer].data is None:
            continue
        size = step(values.ravel(), LEAST - LARGEST, LARGEST - LEAST)
        if size is None or np.ptp([*values.ravel(), 0]) > (LARGEST - LEAST + NEAR) * size:
            continue
        counts = np.round(values / size)
        point = LEAST - min(int(counts.min()), LEAST) if counts.max() <= LARGEST else LARGEST - int(counts.max())
        _write(model, graph, operator, position, (counts + point).astype(np.int8), np.float32([size]), 0, point)
        changed = True
    return changed


def _floats(model, tensor):
    """A constant of float32 in its shape, None for any other tensor."""
    numbers = editing.numbers(model, tensor) if tensor.type == schema.TensorType.FLOAT32 else None
    return None if numbers is None else numbers.reshape(() if tensor.shape is None else tensor.shape)


def _write(model, graph, operator, position, integers, scales, axis, point=0):
    """Give an operator integers for a constant, which no other one sees unless they have the same."""
    index = operator.inputs[position]
    if len(editing.readers(graph)[index]) > 1:
        index = editing.add_constant(model, graph, graph.tensors[index].name, integers)
        graph.tensors[index].quantization = schema.QuantizationParametersT()
        operator.inputs = operator.inputs.copy()
        operator.inputs[position] = index
    tensor = graph.tensors[index]
    if sum(other.buffer == tensor.buffer for each in model.subgraphs for other in each.tensors) > 1:
        editing.set_numbers(model, tensor, integers)
    else:
        model.buffers[tensor.buffer].data = integers.reshape(-1).view(np.uint8)
    tensor.quantization.scale, tensor.quantization.quantizedDimension = scales, axis
    tensor.quantization.zeroPoint = np.full(len(scales), point, np.int64)
