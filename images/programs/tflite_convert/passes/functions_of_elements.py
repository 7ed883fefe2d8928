"""What operators make of one tensor, element by element: known by trying it."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from . import editing

OPERATORS = schema.BuiltinOperator
NONE = schema.ActivationFunctionType.NONE
ACTIVATIONS = {
    NONE: lambda x: x,
    schema.ActivationFunctionType.RELU: lambda x: np.maximum(x, 0),
    schema.ActivationFunctionType.RELU_N1_TO_1: lambda x: np.clip(x, -1, 1),
    schema.ActivationFunctionType.RELU6: lambda x: np.clip(x, 0, 6),
}
FUNCTIONS = {
    OPERATORS.ADD: np.add,
    OPERATORS.DIV: np.divide,
    OPERATORS.LOGISTIC: lambda x: 1 / (1 + np.exp(-x)),
    OPERATORS.MAXIMUM: np.maximum,
    OPERATORS.MINIMUM: np.minimum,
    OPERATORS.MUL: np.multiply,
    OPERATORS.POW: np.power,
    OPERATORS.RESHAPE: lambda x, *_: x,
    OPERATORS.SQUARE: np.square,
    OPERATORS.SQUARED_DIFFERENCE: lambda x, y: np.square(x - y),
    OPERATORS.SUB: np.subtract,
    OPERATORS.TANH: np.tanh,
}
# The longest way of spelling a function out.
MOST = 40


def ways(model, graph, makers, y):
    """(x, operators) for every tensor x of which alone a tensor y is a function of elements: those that compute it, the
    nearest x first. ``makers`` are the places of operators by what they give.
    """
    between, unknown = [], {y}
    while unknown and len(between) < MOST:
        if between and len(unknown) == 1:
            yield next(iter(unknown)), [graph.operators[at] for at in sorted(between)]
        latest = max(unknown, key=lambda tensor: makers.get(tensor, -1))
        if latest not in makers or not _is_of_elements(model, graph, graph.operators[makers[latest]]):
            return
        between.append(makers[latest])
        unknown.remove(latest)
        unknown.update(at for at in graph.operators[between[-1]].inputs if not _is_constant(model, graph, at))


def computed(model, graph, operators, x, numbers):
    """What the last of some operators gives where a tensor x is an array: NaN, where a constant is not one number."""
    values = {x: numbers}

    def value(tensor):
        if tensor not in values:
            found = editing.numbers(model, graph.tensors[tensor])
            values[tensor] = found[0] if len(found) and (found == found[0]).all() else np.nan
        return values[tensor]

    with np.errstate(all="ignore"):
        for operator in operators:
            given = FUNCTIONS[editing.kind(model, operator)](*map(value, operator.inputs))
            activation = getattr(operator.builtinOptions, "fusedActivationFunction", NONE)
            values[operator.outputs[0]] = ACTIVATIONS[activation](given)
    return values[operators[-1].outputs[0]]


def _is_constant(model, graph, tensor):
    return model.buffers[graph.tensors[tensor].buffer].data is not None


def _is_of_elements(model, graph, operator):
    """Whether an operator gives of each element of what it reads, and of equal numbers, one of its own."""
    if editing.kind(model, operator) not in FUNCTIONS:
        return False
    places = [at for at in (*operator.inputs, *operator.outputs) if not _is_constant(model, graph, at)]
    is_float = all(graph.tensors[at].type == schema.TensorType.FLOAT32 for at in places)
    return is_float and len({int(np.prod(graph.tensors[at].shape)) for at in places}) == 1
