"""GELU as one operator: TensorFlow 2.4 has none, so that it is spelled out there.

What is spelled out is known by the numbers that it gives, however a model wrote it. Files of integers say the same in
other numbers: in these it is between the tensors of the same names as in the file of floats.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from .. import newer_operators
from . import editing, functions_of_elements, scaled_layers

FEATURE = "gelu"
OPERATORS = schema.BuiltinOperator
# The versions of the operator by the type of what it reads and gives.
VERSIONS = {schema.TensorType.FLOAT32: 1, schema.TensorType.INT8: 2, schema.TensorType.INT16: 1}
# The quantizer gives the name of an input or output to its floats, and this behind it to the integers.
INTEGERS = (b"_int8", b"_int16", b"")
# Where it is tried, and how far it may be off there, of numbers of this size and larger ones.
PLACES = np.concatenate([np.linspace(-8, 8, 1601), [-1e4, -100, 100, 1e4]]).astype(np.float32)
TOLERANCE = 1e-5
CURVES = (OPERATORS.LOGISTIC, OPERATORS.TANH)


class Gelu(NamedTuple):
    """A tensor ``y`` that is the GELU of a ``factor`` times a tensor ``x``, or its approximation by tanh."""

    x: int
    y: int
    factor: float
    is_approximate: bool


def apply(model, known):
    """Put one operator in the place of those that compute GELU, and drop these."""
    if FEATURE not in known.has:
        return False
    floats = model if known.floats is None else known.floats()
    replaced = False
    for graph, spelled in zip(model.subgraphs, floats.subgraphs):
        if known.floats is not None:
            scaled_layers.take_apart(floats, spelled)
        places = {tensor.name: at for at, tensor in enumerate(graph.tensors)}
        for each in list(found(floats, spelled)):
            x, y = (_place(places, spelled.tensors[at].name) for at in (each.x, each.y))
            if None not in (x, y) and graph.tensors[x].type == graph.tensors[y].type in VERSIONS:
                x, y = _integers(model, graph, x, y) if each.factor == 1 else (x, y)
                replaced |= _replace(model, graph, each._replace(x=x, y=y))
    if replaced:
        editing.drop_unread(model)
    return replaced


def _place(places, name):
    return next((places[name + end] for end in INTEGERS if name + end in places), None)


def _integers(model, graph, x, y):
    """The integers of which a tensor x is made, and which a tensor y becomes, where that is so of both: the operator
    gives the same of these.
    """
    made, read = editing.makers(graph).get(x), editing.readers(graph)[y]
    if made is None or len(read) != 1 or y in graph.outputs:
        return x, y
    ((quantize, _),) = read
    ends = made.inputs[0], quantize.outputs[0]
    kinds = [editing.kind(model, each) for each in (made, quantize)]
    types = {graph.tensors[at].type for at in ends}
    is_between = kinds == [OPERATORS.DEQUANTIZE, OPERATORS.QUANTIZE] and types == {schema.TensorType.INT8}
    return ends if is_between else (x, y)


def _replace(model, graph, found):
    if found.factor != 1 and not scaled_layers.multiply(model, graph, found.x, found.factor):
        return False
    options = newer_operators.GeluOptionsT(found.is_approximate)
    listed = editing.code(model, newer_operators.GELU, VERSIONS[graph.tensors[found.x].type])
    gelu = editing.operator(listed, [found.x], found.y, options)
    editing.replace_operators(graph, lambda operator: [gelu if found.y in operator.outputs else operator])
    return True


def found(model, graph):
    """Every `Gelu` of a graph of floats, of the nearest tensor."""
    makers, readers = {operator.outputs[0]: at for at, operator in enumerate(graph.operators)}, editing.readers(graph)
    for operator in graph.operators:
        if editing.kind(model, operator) == OPERATORS.MUL:
            (y,) = operator.outputs
            tried = (
                _gelu(model, graph, readers, y, *way) for way in functions_of_elements.ways(model, graph, makers, y)
            )
            nearest = next(filter(None, tried), None)
            if nearest is not None:
                yield nearest


def _gelu(model, graph, readers, y, x, operators):
    bends = any(editing.kind(model, each) in CURVES for each in operators)
    if not bends or [*graph.tensors[x].shape] != [*graph.tensors[y].shape]:
        return None
    given = functions_of_elements.computed(model, graph, operators, x, PLACES)
    factor = float(given[-1] / PLACES[-1])
    factor = 1 if abs(factor - 1) < TOLERANCE else factor
    if not 0 < factor < np.inf or not (factor == 1 or _is_for_these(graph, readers, x, operators)):
        return None
    for is_approximate in (False, True):
        expected = _expected(factor, is_approximate)
        if np.all(np.abs(given - expected) <= TOLERANCE * np.maximum(np.abs(expected), 1)):
            return Gelu(x, y, factor, is_approximate)
    return None


def _is_for_these(graph, readers, x, operators):
    """Whether a tensor, and what some operators compute of it before the last of them, is for these alone."""
    inner = {x, *(operator.outputs[0] for operator in operators[:-1])}
    read = [reader for at in inner for reader, _ in readers[at]]
    return inner.isdisjoint(graph.outputs) and all(any(each is one for one in operators) for each in read)


@functools.lru_cache(maxsize=None)
def _expected(factor, is_approximate):
    x = PLACES.astype(np.float64) * factor
    if is_approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
