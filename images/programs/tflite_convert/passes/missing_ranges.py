"""Ranges of integers and truth values: for 16 bits the quantizer of TensorFlow 2.4.1 may want them, and refuses."""

from tensorflow.lite.python import schema_py_generated as schema

from . import ranges


def apply(model, _):
    """Give every tensor that is computed in other dtypes than float32 a range, which changes no number of it."""
    tensors = [
        tensor
        for tensor in model.subgraphs[0].tensors
        if model.buffers[tensor.buffer].data is None and tensor.type != schema.TensorType.FLOAT32
    ]
    for tensor in tensors:
        tensor.quantization = schema.QuantizationParametersT()
        ranges.set_to(tensor, *ranges.ASSUMED)
    return bool(tensors)
