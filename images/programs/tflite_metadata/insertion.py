"""Metadata put into a .tflite file before and behind its bytes, which stay as they are."""

import io
import zipfile

import flatbuffers
from tensorflow_lite_support.metadata import schema_py_generated as schema

from stagekit.interpreter import IDENTIFIER

NAME = b"TFLITE_METADATA"
# In bytes: where the schema wants constants to lie.
ALIGNMENT = 16
# The fields of a Model by their places in the schema, and those that are written anew.
VERSION, BUFFERS, METADATA, FIELDS = 0, 4, 6, 8
# A zip has a date for each file; the oldest that it can have.
DATE = (1980, 1, 1, 0, 0, 0)


def inserted(content, metadata):
    """The bytes of the file with the metadata in it.

    They begin with a root table of their own, which leads to all that the file's leads to, and with longer lists of
    buffers and of metadata: offsets count from where they stand, and lead forwards.
    """
    model = schema.Model.GetRootAsModel(content, 0)
    buffers, known = _entries(model, BUFFERS), _entries(model, METADATA)
    builder = flatbuffers.Builder(len(metadata) + 4 * len(buffers) + 1024)
    builder.Prep(ALIGNMENT, 0)
    name = builder.CreateString(NAME)
    builder.StartVector(1, len(metadata), ALIGNMENT)
    builder.head -= len(metadata)
    builder.Bytes[builder.Head() : builder.Head() + len(metadata)] = metadata
    data = builder.EndVector()
    schema.BufferStart(builder)
    schema.BufferAddData(builder, data)
    buffer = schema.BufferEnd(builder)
    schema.MetadataStart(builder)
    schema.MetadataAddName(builder, name)
    schema.MetadataAddBuffer(builder, len(buffers))
    entry = schema.MetadataEnd(builder)
    lists = {BUFFERS: _vector(builder, buffers, buffer), METADATA: _vector(builder, known, entry)}
    builder.StartObject(FIELDS)
    builder.PrependUint32Slot(VERSION, model.Version(), 0)
    for slot in range(1, FIELDS):
        place = _place(model, slot)
        if slot in lists:
            builder.PrependUOffsetTRelativeSlot(slot, lists[slot], 0)
        elif place:
            # The builder counts back from its end, behind which the file begins.
            builder.PrependUOffsetTRelativeSlot(slot, -place, 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER)
    return bytes(builder.Output()) + content


def with_file(content, name, text):
    """The bytes of the file with another file behind them, as a zip has it."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name, DATE), text)
    return stream.getvalue()


def _vector(builder, places, last):
    """A vector of offsets to tables: those in the file by their places, and one that the builder has."""
    builder.StartVector(4, len(places) + 1, 4)
    for offset in (last, *(-place for place in reversed(places))):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _place(model, slot):
    """Where in the file begins what a field leads to; 0 where there is none."""
    table = model._tab  # noqa: SLF001 - the generated class has values, no places
    field = table.Offset(4 + 2 * slot)
    return table.Indirect(table.Pos + field) if field else 0


def _entries(model, slot):
    """The places of the tables in a vector."""
    table = model._tab  # noqa: SLF001 - as above
    field = table.Offset(4 + 2 * slot)
    if not field:
        return []
    start = table.Vector(field)
    return [table.Indirect(start + 4 * at) for at in range(table.VectorLen(field))]
