"""A saved_model.pb without its weights: to look at a model, or to hand it on, they need not be in memory.

Fields are found as https://protobuf.dev/programming-guides/encoding has them: a key, the number of the field and its
kind, and then a number of a kind's length, or as many bytes as a number before them says.
"""

from typing import NamedTuple

# Where SavedModel, MetaGraphDef, GraphDef and NodeDef have what leads to a constant.
META_GRAPHS, GRAPH_DEF, NODES = 2, 2, 1
OP, ATTRIBUTES = 2, 5
NUMBER, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# In bytes. What is smaller may decide something; nothing that does is larger.
LARGE = 1 << 16


def split(content):
    """The message without the values of its large constants, as bytes, and where the GraphDef of each of its
    MetaGraphDefs lies in the content: [(start, end)]. Where one is not in one piece, there is None, and all of it is in
    the message. A ValueError where the content is no such message.
    """
    places = []

    def without_weights(whole):
        graphs = [(each.start, each.end) for each in _fields(content, whole) if each.number == GRAPH_DEF]
        if len(graphs) != 1:
            places.append(None)
            return content[whole.start : whole.end]
        places.extend(graphs)
        return _rewritten(content, whole, GRAPH_DEF, light)

    def light(whole):
        return _rewritten(content, whole, NODES, lambda node: _without_value(content, node))

    return _rewritten(content, Field(0, 0, 0, len(content)), META_GRAPHS, without_weights), places


class Field(NamedTuple):
    """A field of a message: where its key begins, and from where to where its value goes."""

    number: int
    key: int
    start: int
    end: int


def _rewritten(content, whole, number, rewrite):
    """A message whose fields of a ``number``, messages themselves, are what ``rewrite`` makes of them."""
    return b"".join(
        _framed(number, rewrite(each)) if each.number == number else content[each.key : each.end]
        for each in _fields(content, whole)
    )


def _without_value(content, node):
    """A node; of a large constant all but its value."""
    fields = list(_fields(content, node))
    if (OP, b"Const") not in [(each.number, content[each.start : each.end]) for each in fields if each.number == OP]:
        return content[node.start : node.end]
    small = [each for each in fields if each.number != ATTRIBUTES or each.end - each.start <= LARGE]
    return b"".join(content[each.key : each.end] for each in small)


def _fields(content, whole):
    """The fields of a message."""
    at = whole.start
    while at < whole.end:
        key = at
        number, at = _number(content, at, whole.end)
        kind = number & 7
        if kind == NUMBER:
            _, end = _number(content, at, whole.end)
        elif kind == LENGTH:
            length, at = _number(content, at, whole.end)
            end = at + length
        elif kind in (FIXED64, FIXED32):
            end = at + (8 if kind == FIXED64 else 4)
        else:
            raise ValueError("a field of kind {}".format(kind))
        if end > whole.end:
            raise ValueError("a field goes on beyond its message")
        yield Field(number >> 3, key, at, end)
        at = end


def _number(content, start, end):
    """Seven bits a byte, the lowest first; where the highest bit is set, there is another byte."""
    found = 0
    for shift in range(0, 64, 7):
        if start >= end:
            break
        byte = content[start]
        start += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, start
    raise ValueError("a number without an end")


def _framed(number, value):
    return _varint(number << 3 | LENGTH) + _varint(len(value)) + value


def _varint(number):
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
