"""A saved_model.pb without its weights, and where these are: a graph can be looked at without them in memory."""

from typing import Dict, NamedTuple, Optional, Tuple

from stagekit import wire

# Where SavedModel, MetaGraphDef, GraphDef and NodeDef have what leads to a constant.
META_GRAPHS, GRAPH_DEF, NODES = 2, 2, 1
NAME, OP, ATTRIBUTES = 1, 2, 5
# And from there on an entry of a map, AttrValue and TensorProto.
VALUE, TENSOR, NUMBERS = 2, 8, 4


class Constant(NamedTuple):
    """A large constant: its TensorProto without the numbers, as bytes, and the places (start, end) of its AttrValue and
    of its numbers. There is None for numbers that are not in one piece.
    """

    tensor: bytes
    value: Tuple[int, int]
    numbers: Optional[Tuple[int, int]]


class Place(NamedTuple):
    """Where a GraphDef begins and ends, and its large constants by the names of their nodes."""

    start: int
    end: int
    constants: Dict[str, Constant]


def split(content):
    """The message without the values of its large constants, as bytes, and the `Place` of the GraphDef of each of its
    MetaGraphDefs in the content. Where one is not in one piece, there is None, and all of it is in the message. A
    ValueError where the content is no such message.
    """
    places = []

    def without_weights(meta_graph):
        graphs = [each for each in wire.fields(content, meta_graph) if each.number == GRAPH_DEF]
        if len(graphs) != 1:
            places.append(None)
            return content[meta_graph.start : meta_graph.end]
        places.extend(Place(each.start, each.end, {}) for each in graphs)
        return wire.rewritten(content, meta_graph, GRAPH_DEF, light)

    def light(graph):
        return wire.rewritten(content, graph, NODES, lambda node: _without_value(content, node, places[-1].constants))

    return wire.rewritten(content, wire.whole(content), META_GRAPHS, without_weights), places


def _without_value(content, node, constants):
    """A node; of a large constant all but its value, and the `Constant` is added to those."""
    if node.size <= wire.LARGE or b"Const" not in _values(content, node, OP):
        return content[node.start : node.end]
    for each in wire.fields(content, node):
        if _is_large(each):
            (name,) = _values(content, node, NAME)
            constants[name.decode()] = _constant(content, each)
    return wire.without(content, node, _is_large)


def _is_large(field):
    return field.number == ATTRIBUTES and field.size > wire.LARGE


def _constant(content, entry):
    (value,) = (each for each in wire.fields(content, entry) if each.number == VALUE)
    (tensor,) = (each for each in wire.fields(content, value) if each.number == TENSOR)
    numbers = [(each.start, each.end) for each in wire.fields(content, tensor) if each.number == NUMBERS]
    light = wire.without(content, tensor, lambda each: each.number == NUMBERS) if numbers else b""
    return Constant(light, (value.start, value.end), numbers[0] if len(numbers) == 1 else None)


def _values(content, message, number):
    return [content[each.start : each.end] for each in wire.fields(content, message) if each.number == number]


def read(path, place):
    """The bytes of a file at a place (start, end)."""
    start, end = place
    with path.open("rb") as stream:
        stream.seek(start)
        return stream.read(end - start)
