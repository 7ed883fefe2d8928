"""A .tflite file as objects, and back. The same objects give the same bytes."""

import copy

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

IDENTIFIER = b"TFL3"
# The schema demands it of a buffer; flatbuffers for Python knows nothing of it.
ALIGNMENT = 16


def unpacked(content):
    """The ModelT of a file's bytes. What it has of arrays can't be written to."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def packed(model):
    """The file's bytes of a ModelT."""
    model.buffers = [_Aligned(buffer.data) for buffer in model.buffers]
    builder = flatbuffers.Builder(sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def numbers(model, tensor):
    """A constant's elements as they lie in the file, or None for a tensor that is computed."""
    data = model.buffers[tensor.buffer].data
    return None if data is None else data.view(DTYPES[tensor.type])


def add_constant(model, graph, like, data):
    """A constant like another one, with a buffer of its own, added to a graph of the model; its place there.

    ``data`` are its bytes, uint8.
    """
    tensor, buffer = copy.copy(like), schema.BufferT()
    buffer.data = data
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    tensor.name += "/{}".format(len(graph.tensors)).encode()
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


class _Aligned(schema.BufferT):
    def __init__(self, data):
        super().__init__()
        self.data = data

    def Pack(self, builder):  # noqa: N802 - the schema's name
        if self.data is not None:
            builder.Prep(ALIGNMENT, len(self.data))
        return super().Pack(builder)


DTYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
}
