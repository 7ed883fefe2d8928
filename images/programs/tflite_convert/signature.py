"""The names of a .tflite file's inputs and outputs: its SignatureDefs."""

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

from .flatbuffer import ALIGNMENT, IDENTIFIER
from .saved_model import SIGNATURE, TAG

# The field of a SignatureDef that says which graph it is of, which the schema of TensorFlow 2.4 has not.
GRAPH = 4
# The fields of a Model that lead elsewhere, but for its signatures: from operator_codes to metadata.
OFFSETS = range(1, 7)


class Signature:
    """An entry of a ModelT's signatureDefs: the ``key`` of a ``graph``, with [(name, index of the tensor)] of both
    sides.
    """

    def __init__(self, key, graph, inputs, outputs):
        self._key, self._graph, self._sides = key, graph, (inputs, outputs)

    def Pack(self, builder):  # noqa: N802 - the schema's name
        maps = [_mapped(builder, entries) for entries in self._sides]
        key, tag = builder.CreateString(self._key), builder.CreateString(TAG)
        builder.StartObject(GRAPH + 1)
        schema.SignatureDefAddInputs(builder, maps[0])
        schema.SignatureDefAddOutputs(builder, maps[1])
        # Since TensorFlow 2.5 this field is called signature_key, and has the same place.
        schema.SignatureDefAddMethodName(builder, key)
        schema.SignatureDefAddKey(builder, tag)
        builder.PrependUint32Slot(GRAPH, self._graph, 0)
        return builder.EndObject()


def head(content, inputs, outputs):
    """The bytes that go before a file's, so that the whole is the same file with a signature of these names.

    ``inputs`` and ``outputs`` are the interpreter's details by name.

    It is a root table of its own, which leads to all that the file's leads to: offsets count from where they stand, and
    lead forwards. So nothing in the file has to be read or written again, however large it is.
    """
    builder = flatbuffers.Builder(0)
    builder.Prep(ALIGNMENT, 0)
    named = ([(name, detail["index"]) for name, detail in details.items()] for details in (inputs, outputs))
    signatures = _vector(builder, [Signature(SIGNATURE, 0, *named).Pack(builder)])
    model = schema.Model.GetRootAsModel(content, 0)
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, model.Version())
    for slot, place in _places(model):
        # The builder counts back from its end, behind which the file begins.
        builder.PrependUOffsetTRelativeSlot(slot, -place, 0)
    schema.ModelAddSignatureDefs(builder, signatures)
    builder.Finish(schema.ModelEnd(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def signed(content):
    """The names in a file's first signature: the inputs and the outputs, [(name, index of the tensor)] each.

    Both are empty where it has none.
    """
    model = schema.Model.GetRootAsModel(content, 0)
    if not model.SignatureDefsLength():
        return [], []
    found = model.SignatureDefs(0)
    inputs = map(found.Inputs, range(found.InputsLength()))
    outputs = map(found.Outputs, range(found.OutputsLength()))
    return [[(entry.Name().decode(), entry.TensorIndex()) for entry in entries] for entries in (inputs, outputs)]


def _mapped(builder, entries):
    maps = []
    for name, index in entries:
        text = builder.CreateString(name)
        schema.TensorMapStart(builder)
        schema.TensorMapAddName(builder, text)
        schema.TensorMapAddTensorIndex(builder, index)
        maps.append(schema.TensorMapEnd(builder))
    return _vector(builder, maps)


def _vector(builder, tables):
    """Offsets to tables: vectors of them are alike, whatever the tables are."""
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector(len(tables))


def _places(model):
    """[(field, where in the file what it leads to begins)] of a Model."""
    table = model._tab  # noqa: SLF001 - the generated class has values, no places
    fields = [(slot, table.Offset(4 + 2 * slot)) for slot in OFFSETS]
    return [(slot, table.Indirect(table.Pos + field)) for slot, field in fields if field]
