"""Which operators a .tflite file is made of: TFLite's own, or TensorFlow's beside them (Select-TF)."""

from collections import Counter

import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.lite.python.convert import ConverterError

from stagekit import StageError

from . import converter_refusals, file_tables

AUTO, BUILTIN, SELECT_TF = "auto", "builtin", "select-tf"
CHOICES = (AUTO, BUILTIN, SELECT_TF)
FAILURES = (ConverterError, ValueError, tf.errors.OpError)

# Where the schema has the custom options of an operator.
CUSTOM_OPTIONS = 14

# How TensorFlow's operators are named in a file.
PREFIX = "Flex"


def converted(converter, ops, graph_def):
    """The bytes of the file that ``converter()``, a new TFLiteConverter at each call, makes of ``graph_def``.

    With ``auto``, Select-TF operators come in only where the converter refuses TFLite's own, and they would do. Raises
    a StageError of kind ``model`` that names the operators which the converter refuses.
    """
    if ops not in CHOICES:
        raise StageError("usage", "there is no ops {!r}, there are {}".format(ops, ", ".join(CHOICES)))
    try:
        if ops != SELECT_TF:
            try:
                return converter().convert()
            except FAILURES as error:
                if ops == BUILTIN or not converter_refusals.is_for_select_tf(error):
                    raise
        selecting = converter()
        selecting.target_spec.supported_ops = [*selecting.target_spec.supported_ops, tf.lite.OpsSet.SELECT_TF_OPS]
        return _repeatable(selecting.convert())
    except FAILURES as error:
        raise converter_refusals.refusal(error, graph_def) from error


def _repeatable(content):
    """The file, with the definition of each Select-TF operator in an order of its own.

    TensorFlow writes a definition's attributes in whatever order its memory has them.
    """
    # A view: what is written into it can be of no other length.
    patched = memoryview(bytearray(content))
    for operator in _operators(file_tables.File(patched)):
        if operator.kind.startswith(PREFIX):
            first, last = _definition(operator.table)
            node = node_def_pb2.NodeDef.FromString(bytes(patched[first:last]))
            patched[first:last] = node.SerializeToString(deterministic=True)
    return bytes(patched)


def _definition(operator):
    """Where in the file the serialized NodeDef of a Select-TF operator, by its table, begins and ends.

    It is the second of two strings in a FlexBuffer (https://flatbuffers.dev/internals, FlexBuffers), which is read from
    its end: the width of the root, its type, and how far back the vector is.
    """
    table = operator._tab  # noqa: SLF001 - the generated class has values, no places
    options = table.Offset(CUSTOM_OPTIONS)
    start = table.Vector(options)
    end = start + table.VectorLen(options)

    def back_from(place, width):
        return place - int.from_bytes(table.Bytes[place : place + width], "little")

    width, packed = table.Bytes[end - 1], table.Bytes[end - 2]
    vector = back_from(end - 2 - width, width)
    width = 1 << (packed & 3)
    count = int.from_bytes(table.Bytes[vector - width : vector], "little")
    text = back_from(vector + width, width)
    width = 1 << (table.Bytes[vector + count * width + 1] & 3)
    return text, text + int.from_bytes(table.Bytes[text - width : text], "little")


def counted(file, graphs=(0, None)):
    """How often each operator occurs in a `file_tables.File`, the most frequent first; Select-TF ones as FlexAddV2.

    ``graphs`` are the first of the graphs that count and the one after their last.
    """
    counts = Counter(operator.kind for operator in _operators(file, graphs))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def select_tf(file):
    """TensorFlow's names of the Select-TF operators in a file, sorted."""
    return sorted(name[len(PREFIX) :] for name in counted(file) if name.startswith(PREFIX))


def _operators(file, graphs=(0, None)):
    """Every operator in a file, or in some of its graphs."""
    return [operator for graph in file.graphs[slice(*graphs)] for operator in graph.operators]
