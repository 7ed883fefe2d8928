"""Stage program of the image of tflite-support: write and read the metadata of a .tflite file."""

import json

from tensorflow_lite_support.metadata.python.metadata import MetadataDisplayer, MetadataPopulator

from stagekit import StageError, interpreter

from . import insertion, tables

VERSIONS = ("tflite-support", "flatbuffers")
# What the library and flatbuffers raise of metadata that is none.
DAMAGE = (ValueError, IndexError, TypeError, AttributeError, KeyError, OverflowError, UnicodeError, RuntimeError)


def write(request):
    """Add metadata to a .tflite file.

    Parameters: those of `tables.packed`. Roles in: model; labels (optional), a text, a name a line. Roles out: model.

    The library checks the metadata and says which parser reads it. It writes a whole file of its own, where constants
    lie at any byte; runtimes and the schema want them at 16. So the metadata is taken out of that one, and put into the
    file as it was.
    """
    content = bytes(interpreter.content(request.inputs["model"]))
    labels = request.inputs.get("labels")
    name = request.parameters["labels"] if labels else ""
    text = labels.read_bytes() if labels else b""
    populator = MetadataPopulator.with_model_buffer(bytearray(content))
    populator.load_metadata_buffer(tables.packed(content, request.parameters))
    if labels:
        populator.load_associated_file_buffers({name: text})
    populator.populate()
    made = MetadataDisplayer.with_model_buffer(bytes(populator.get_model_buffer()))
    whole = insertion.inserted(content, made.get_metadata_buffer())
    if labels:
        whole = insertion.with_file(whole, name, text)
    if MetadataDisplayer.with_model_buffer(whole).get_metadata_json() != made.get_metadata_json():
        raise StageError("model", "the metadata of this file can't be read again")
    request.outputs["model"].write_bytes(whole)
    return {}


def read(request):
    """Put a .tflite file's metadata in words. Roles in: model. Roles out: metadata, a JSON {metadata, files}: the
    library's own JSON of it, and the texts of the files in it by name.
    """
    content = bytes(interpreter.content(request.inputs["model"]))
    try:
        found = MetadataDisplayer.with_model_buffer(content)
        told = json.loads(found.get_metadata_json())
        files = {
            name: bytes(found.get_associated_file_buffer(name)).decode("utf-8", "backslashreplace")
            for name in found.get_packed_associated_file_list()
        }
    except DAMAGE as error:
        raise StageError("usage", "its TFLite metadata is damaged: {}".format(error)) from error
    request.outputs["metadata"].write_text(json.dumps({"metadata": told, "files": files}))
    return {}


OPERATIONS = {"write": write, "read": read}
