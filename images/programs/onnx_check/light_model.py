"""An .onnx file without the values of its large weights, which only onnxruntime needs to have in memory."""

from stagekit import wire

# Where ModelProto, GraphProto and TensorProto have what leads to a value.
GRAPH, OPSETS, INITIALIZERS = 7, 8, 5
VALUES = (4, 5, 7, 9, 10, 11)
RAW = 9


def light(content):
    """The ModelProto as bytes, in which each large weight has a value of one byte: checkers ask for one. A ValueError
    where the content is none.
    """

    def graph(field):
        return wire.rewritten(content, field, INITIALIZERS, weight)

    def weight(field):
        if field.size <= wire.LARGE:
            return content[field.start : field.end]
        return wire.without(content, field, lambda each: each.number in VALUES) + wire.framed(RAW, b"\0")

    return wire.rewritten(content, wire.whole(content), GRAPH, graph)


def with_opsets(content, opsets):
    """The ModelProto as bytes with other sets of operators, serialized ones."""
    fields = list(wire.fields(content, wire.whole(content)))
    before, after = (
        [content[each.key : each.end] for each in fields if each.number in numbers]
        for numbers in (range(OPSETS), range(OPSETS + 1, 1 << 29))
    )
    return b"".join([*before, *(wire.framed(OPSETS, opset) for opset in opsets), *after])
