"""Builtin operators that runtimes have and the schema of TensorFlow 2.4 has not: their numbers and their options.

What `flatbuffer.unpacked` reads again by that schema has lost the options: operators of these are the last that a file
gets. `unpacked` here has them.
"""

from flatbuffers import number_types
from tensorflow.lite.python import schema_py_generated as schema

from . import flatbuffer

GELU = 150
NUMBERS = {"GELU": GELU}


class GeluOptionsT:
    """``approximate`` is by tanh."""

    TYPE = 116

    def __init__(self, approximate):
        self._approximate = approximate

    def Pack(self, builder):  # noqa: N802 - the schema's name
        builder.StartObject(1)
        builder.PrependBoolSlot(0, self._approximate, False)
        return builder.EndObject()


def unpacked(content):
    """The ModelT of a file's bytes, with the options of these operators."""
    model = flatbuffer.unpacked(content)
    tables = schema.Model.GetRootAsModel(content, 0)
    for at, graph in enumerate(model.subgraphs):
        for place, operator in enumerate(graph.operators):
            if operator.builtinOptionsType == GeluOptionsT.TYPE:
                operator.builtinOptions = gelu_options(tables.Subgraphs(at).Operators(place))
    return model


def gelu_options(operator):
    """The options of a GELU, as they lie in a file."""
    table = operator.BuiltinOptions()
    approximate = table.Offset(4)
    return GeluOptionsT(bool(approximate) and table.Get(number_types.BoolFlags, table.Pos + approximate))
