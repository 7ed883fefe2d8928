"""A .tflite file as objects, and back. The same objects give the same bytes."""

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

IDENTIFIER = b"TFL3"
# The schema demands it of a buffer; flatbuffers for Python knows nothing of it.
ALIGNMENT = 16


def unpacked(content):
    """The ModelT of a file's bytes. The arrays in it can't be written to."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def counted_graphs(content):
    """How many graphs a file has: one, and one for each branch."""
    return schema.Model.GetRootAsModel(content, 0).SubgraphsLength()


def runs_apart(model):
    """Whether a ModelT computes the same of a sample whatever it has run on before, in any process: it keeps no state,
    and has no operators of TensorFlow's, whose threads a fork does not have.
    """
    kept = any(tensor.isVariable for graph in model.subgraphs for tensor in graph.tensors)
    return not kept and not any(code.customCode for code in model.operatorCodes)


def packed(model):
    """The file's bytes of a ModelT, in which buffers that nothing refers to are empty."""
    read = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    read.update(each.buffer for each in model.metadata or ())
    model.buffers = [_Aligned(buffer.data if at in read else None) for at, buffer in enumerate(model.buffers)]
    builder = flatbuffers.Builder(sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


class _Aligned(schema.BufferT):
    def __init__(self, data):
        super().__init__()
        self.data = data

    def Pack(self, builder):  # noqa: N802 - the schema's name
        if self.data is not None:
            builder.Prep(ALIGNMENT, len(self.data))
        return super().Pack(builder)
