"""An ONNX node as handlers take it."""

from onnx import AttributeProto

from stagekit import scopes

VALUES = {
    AttributeProto.FLOAT: lambda attribute: attribute.f,
    AttributeProto.INT: lambda attribute: attribute.i,
    AttributeProto.STRING: lambda attribute: attribute.s.decode(),
    AttributeProto.TENSOR: lambda attribute: attribute.t,
    AttributeProto.GRAPH: lambda attribute: attribute.g,
    AttributeProto.FLOATS: lambda attribute: list(attribute.floats),
    AttributeProto.INTS: lambda attribute: list(attribute.ints),
    AttributeProto.STRINGS: lambda attribute: [string.decode() for string in attribute.strings],
    AttributeProto.SPARSE_TENSOR: lambda attribute: attribute.sparse_tensor,
}


class Node:
    """``node_proto`` with ``op_type`` and ``domain``; ``name``, which is one that TensorFlow takes; ``inputs`` and
    ``outputs``, names of values; ``attrs``, the attributes by name: numbers, strings, lists of them, or messages.
    """

    def __init__(self, proto):
        self.node_proto = proto
        self.op_type, self.domain, self.name = proto.op_type, proto.domain, scopes.of_node(proto)
        self.inputs, self.outputs = list(proto.input), list(proto.output)
        self.attrs = {attribute.name: VALUES[attribute.type](attribute) for attribute in proto.attribute}
