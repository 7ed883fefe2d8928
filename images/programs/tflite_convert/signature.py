"""The names of a .tflite file's inputs and outputs: its SignatureDef."""

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

from .flatbuffer import ALIGNMENT, IDENTIFIER
from .saved_model import SIGNATURE, TAG

# The fields of a Model that lead elsewhere, but for its signatures: from operator_codes to metadata.
OFFSETS = range(1, 7)


def head(content, inputs, outputs):
    """The bytes that go before a file's, so that the whole is the same file with a signature of these names.

    ``inputs`` and ``outputs`` are the interpreter's details by name.

    It is a root table of its own, which leads to all that the file's leads to: offsets count from where they stand, and
    lead forwards. So nothing in the file has to be read or written again, however large it is.
    """
    builder = flatbuffers.Builder(0)
    builder.Prep(ALIGNMENT, 0)
    maps = [_mapped(builder, details) for details in (inputs, outputs)]
    method, key = builder.CreateString(SIGNATURE), builder.CreateString(TAG)
    schema.SignatureDefStart(builder)
    schema.SignatureDefAddInputs(builder, maps[0])
    schema.SignatureDefAddOutputs(builder, maps[1])
    # Since TensorFlow 2.5 this field is called signature_key, and has the same place.
    schema.SignatureDefAddMethodName(builder, method)
    schema.SignatureDefAddKey(builder, key)
    signatures = _vector(builder, [schema.SignatureDefEnd(builder)])
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


def _mapped(builder, details):
    maps = []
    for name, detail in details.items():
        text = builder.CreateString(name)
        schema.TensorMapStart(builder)
        schema.TensorMapAddName(builder, text)
        schema.TensorMapAddTensorIndex(builder, detail["index"])
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
