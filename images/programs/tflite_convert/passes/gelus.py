"""GELU as one operator: TensorFlow 2.4 has none, so that it is spelled out there.

What is spelled out is known by the numbers that it gives, however a model wrote it. Files of integers say the same in
other numbers: in these it is between the tensors of the same names as in the file of floats.
"""

import math

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from .. import newer_operators
from . import editing

FEATURE = "gelu"
OPERATORS = schema.BuiltinOperator
ACTIVATIONS = {
    schema.ActivationFunctionType.NONE: lambda x: x,
    schema.ActivationFunctionType.RELU: lambda x: np.maximum(x, 0),
    schema.ActivationFunctionType.RELU_N1_TO_1: lambda x: np.clip(x, -1, 1),
    schema.ActivationFunctionType.RELU6: lambda x: np.clip(x, 0, 6),
}
FUNCTIONS = {
    OPERATORS.ADD: np.add,
    OPERATORS.DIV: np.divide,
    OPERATORS.MAXIMUM: np.maximum,
    OPERATORS.MINIMUM: np.minimum,
    OPERATORS.MUL: np.multiply,
    OPERATORS.POW: np.power,
    OPERATORS.RESHAPE: lambda x, *_: x,
    OPERATORS.SQUARE: np.square,
    OPERATORS.SUB: np.subtract,
    OPERATORS.TANH: np.tanh,
}
# Where it is tried, and how far it may be off there, of numbers of this size and larger ones.
PLACES = np.concatenate([np.linspace(-8, 8, 1601), [-1e4, -100, 100, 1e4]]).astype(np.float32)
TOLERANCE = 3e-6
# The longest way of spelling it out.
MOST = 40
TYPES = (schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.INT16)

_WIDE = PLACES.astype(np.float64)
EXPECTED = (
    0.5 * _WIDE * (1 + np.vectorize(math.erf)(_WIDE / math.sqrt(2))),
    0.5 * _WIDE * (1 + np.tanh(math.sqrt(2 / math.pi) * (_WIDE + 0.044715 * _WIDE**3))),
)
SIZES = np.maximum(np.abs(_WIDE), 1)


def apply(model, known):
    """Put one operator in the place of those that compute GELU, and drop these."""
    if FEATURE not in known.has:
        return False
    floats = model if known.floats is None else known.floats()
    replaced = False
    for graph, spelled in zip(model.subgraphs, floats.subgraphs):
        places = {tensor.name: at for at, tensor in enumerate(graph.tensors)}
        for *ends, is_approximate in list(_found(floats, spelled)):
            x, y = (places.get(spelled.tensors[at].name) for at in ends)
            if None not in (x, y) and graph.tensors[x].type == graph.tensors[y].type in TYPES:
                _replace(model, graph, x, y, is_approximate)
                replaced = True
    if replaced:
        editing.drop_unread(model)
    return replaced


def _replace(model, graph, x, y, is_approximate):
    listed = editing.code(model, newer_operators.GELU)
    graph.operators = [
        editing.operator(listed, [x], y, newer_operators.GeluOptionsT(is_approximate)) if y in each.outputs else each
        for each in graph.operators
    ]


def _found(model, graph):
    """(x, y, whether it is the approximation by tanh) of every tensor y that is the GELU of a tensor x, the nearest."""
    makers = {operator.outputs[0]: at for at, operator in enumerate(graph.operators)}
    for operator in graph.operators:
        if editing.kind(model, operator) == OPERATORS.MUL:
            yield from _of_last(model, graph, makers, operator.outputs[0])


def _of_last(model, graph, makers, y):
    for x, operators in _ways(model, graph, makers, y):
        bends = any(editing.kind(model, each) == OPERATORS.TANH for each in operators)
        if bends and [*graph.tensors[x].shape] == [*graph.tensors[y].shape]:
            given = _computed(model, graph, x, operators)
            for is_approximate, expected in enumerate(EXPECTED):
                if np.all(np.abs(given - expected) <= TOLERANCE * SIZES):
                    yield x, y, bool(is_approximate)
                    return


def _ways(model, graph, makers, y):
    """(x, operators) for every tensor x of which alone a tensor y is a function: those that compute it.

    ``makers`` are the places of operators by what they give.
    """
    between, unknown = [], {y}
    while unknown and len(between) < MOST:
        if between and len(unknown) == 1:
            yield next(iter(unknown)), [graph.operators[at] for at in sorted(between)]
        latest = max(unknown, key=lambda tensor: makers.get(tensor, -1))
        if latest not in makers or not _is_of_one(model, graph, graph.operators[makers[latest]]):
            return
        between.append(makers[latest])
        unknown.remove(latest)
        unknown.update(at for at in graph.operators[between[-1]].inputs if not _is_constant(model, graph, at))


def _computed(model, graph, x, operators):
    """What operators make of a tensor that is `PLACES`: the result of the last of them."""
    values = {x: PLACES}

    def value(tensor):
        if tensor not in values:
            numbers = editing.numbers(model, graph.tensors[tensor])
            values[tensor] = numbers.reshape(-1)[0] if len(numbers) and (numbers == numbers[0]).all() else np.nan
        return values[tensor]

    with np.errstate(all="ignore"):
        for operator in operators:
            given = FUNCTIONS[editing.kind(model, operator)](*map(value, operator.inputs))
            activation = getattr(operator.builtinOptions, "fusedActivationFunction", schema.ActivationFunctionType.NONE)
            values[operator.outputs[0]] = ACTIVATIONS[activation](given)
    return values[operators[-1].outputs[0]]


def _is_constant(model, graph, tensor):
    return model.buffers[graph.tensors[tensor].buffer].data is not None


def _is_of_one(model, graph, operator):
    """Whether an operator gives of each element of what it reads, and of equal numbers, one of its own."""
    if editing.kind(model, operator) not in FUNCTIONS:
        return False
    places = [at for at in (*operator.inputs, *operator.outputs) if not _is_constant(model, graph, at)]
    is_float = all(graph.tensors[at].type == schema.TensorType.FLOAT32 for at in places)
    return is_float and len({int(np.prod(graph.tensors[at].shape)) for at in places}) == 1
