"""Large weights, for which the converter gets splats: constants whose elements are all the same.

The converter holds a constant several times over, and moves its elements one by one. A splat it holds as one element
until it writes the file. Each weight gets a splat of its own, which says where in the file the weight belongs; the
operator that reads it there says in which order its elements lie. What the converter makes something else of, it gets
as it is. So the file is, to the last byte, the one that it makes of all weights as they are.
"""

import io
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
from tensorflow.core.framework import graph_pb2, tensor_pb2, types_pb2

from stagekit.light_graph import Constant

from . import file_tables

# The element of the first splat as bits; a float32 of these, and of those that follow, is a number from 1 on.
FIRST = 0x3F800001
# In bytes, of one weight, and of all that are so large: below, the converter is as fast with them as they are.
LARGE, TOGETHER = 1 << 20, 1 << 25
# How many rows of a matrix are turned at a time: what they become has to stay in the processor's cache.
ROWS = 16


class Form(NamedTuple):
    """How a file has a weight: what its operator is, at which of the operator's inputs it is, and which axis of the
    graph's constant comes first; the others follow in their order.
    """

    kind: str
    position: int
    axis: int = 0


# By the operator in the graph, and the position of the weight among its inputs.
FORMS = {
    ("Conv2D", 1): Form("CONV_2D", 1, axis=3),
    ("Conv2DBackpropInput", 1): Form("TRANSPOSE_CONV", 1, axis=2),
    ("DepthwiseConv2dNative", 1): Form("DEPTHWISE_CONV_2D", 1),
    ("GatherV2", 0): Form("GATHER", 0),
    ("MatMul", 1): Form("FULLY_CONNECTED", 1, axis=1),
}
TRANSPOSED = Form("FULLY_CONNECTED", 1)


class Weight(NamedTuple):
    """A constant by the name of its node, and the forms in which operators want it, one for each reader."""

    name: str
    constant: Constant
    forms: list


def converted(model, convert):
    """The .tflite file of a frozen `SavedModel`, as bytes. ``convert`` is what makes it of a SavedModel."""
    weights = _weights(model)
    while weights:
        content, whole = _attempt(model, weights, convert)
        if len(whole) == len(weights):
            return content
        weights = whole
    return convert(model)


def _attempt(model, weights, convert):
    """The file that is made with splats for the weights, which has the weights themselves now; and those whose splats
    were whole in it.
    """
    # Of the bytes that a stream is made of, it makes no copy as long as nothing else has them.
    stream = io.BytesIO(convert(_with_splats(model, weights)))
    found = _found(stream.getbuffer(), weights)
    for weight, places in found:
        _put(model.numbers(weight.constant), weight.forms[0], places)
    return stream.getvalue(), [weight for weight, _ in found]


def _weights(model):
    """The large constants of floats that can have splats: all readers want the same axis first, the elements differ,
    and no other constant has the same elements in whatever order, as the converter makes one constant of equal ones.
    """
    constants = {name: each for name, each in model.constants.items() if _is_large(each)}
    if sum(map(_size, constants.values())) < TOGETHER:
        return []
    forms = defaultdict(list)
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            forms[name].append(_form(node, position))
    sums = {name: _sum(model.numbers(constant)) for name, constant in constants.items()}
    counts = Counter(sums.values())
    return [
        Weight(name, constant, forms[name])
        for name, constant in constants.items()
        if sums[name] and counts[sums[name]] == 1 and _agree(forms[name])
    ]


def _agree(forms):
    return None not in forms and len({form.axis for form in forms}) == 1


def _form(node, position):
    if node.op == "MatMul" and position == 1 and node.attr["transpose_b"].b:
        return TRANSPOSED
    return FORMS.get((node.op, position))


def _is_large(constant):
    """Whether a constant is of floats, in one piece, and large enough."""
    if constant.numbers is None or _size(constant) < LARGE:
        return False
    return tensor_pb2.TensorProto.FromString(constant.tensor).dtype == types_pb2.DT_FLOAT


def _size(constant):
    start, end = constant.numbers
    return end - start


def _sum(numbers):
    """What numbers in any order have in common; None of a splat."""
    words = numbers.reshape(-1).view(np.uint32)
    if words[0] == words[-1] and (words == words[0]).all():
        return None
    return words.size, int(words.sum(dtype=np.uint64))


def _with_splats(model, weights):
    """The SavedModel with splats for the weights."""
    graph_def = graph_pb2.GraphDef()
    graph_def.CopyFrom(model.graph)
    splats = {weight.name: FIRST + at for at, weight in enumerate(weights)}
    constants = model.constants
    for node in graph_def.node:
        if node.name in splats:
            tensor = node.attr["value"].tensor
            tensor.ParseFromString(constants[node.name].tensor)
            tensor.float_val.append(np.uint32(splats[node.name]).view(np.float32))
        elif node.name in constants:
            node.attr["value"].ParseFromString(model.value(constants[node.name]))
    return model.of_graph(graph_def)


def _found(content, weights):
    """[(weight, [its places as arrays of bytes])] of the weights whose splats are in a file whole, and read there by as
    many operators as in the graph, each in the form that it wants.
    """
    file = file_tables.File(content)
    splats = {FIRST + at: weight for at, weight in enumerate(weights)}
    buffers = [file.model.Buffers(at).DataAsNumpy() for at in range(file.model.BuffersLength())]
    elements = [_element(data) for data in buffers]
    readers, places = defaultdict(list), defaultdict(dict)
    for graph in file.graphs:
        for operator in graph.operators:
            for position, place in enumerate(operator.inputs):
                # What an operator does without is -1: the last tensor is its output at the earliest.
                buffer = graph.tensors[place].buffer
                if elements[buffer] in splats:
                    readers[elements[buffer]].append((operator.kind, position))
                    places[elements[buffer]][buffer] = buffers[buffer]
    return [
        (weight, list(places[splat].values()))
        for splat, weight in splats.items()
        if sorted(readers[splat]) == sorted((form.kind, form.position) for form in weight.forms)
        and all(place.size == _size(weight.constant) for place in places[splat].values())
    ]


def _element(data):
    """The element of a buffer that is a splat, as bits; else None."""
    if not isinstance(data, np.ndarray) or data.size < LARGE:
        return None
    words = data.view(np.uint32)
    return int(words[0]) if words[0] == words[-1] and (words == words[0]).all() else None


def _put(numbers, form, places):
    """Write the numbers of a weight, in their form, to places in a file."""
    rows, first, rest = (int(np.prod(shape)) for shape in np.split(numbers.shape, [form.axis, form.axis + 1]))
    numbers = numbers.reshape(rows, first, rest)
    for place in places:
        written = place.view(np.float32).reshape(first, rows, rest).swapaxes(0, 1)
        for at in range(0, rows, ROWS):
            written[at : at + ROWS] = numbers[at : at + ROWS]
