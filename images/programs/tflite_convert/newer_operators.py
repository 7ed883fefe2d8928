"""Builtin operators that runtimes have and the schema of TensorFlow 2.4 has not: their numbers and their options.

What is read again by that schema has lost the options: operators of these are the last that a file gets.
"""

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
