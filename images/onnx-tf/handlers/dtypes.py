"""Cast, and the dtypes that TFLite has no operators for."""

import tensorflow as tf

from handlers.handler import UnsupportedError, handles

# TFLite of 2.4.1 stores tensors of some of these, but neither casts them nor computes with them.
LACKING = ("bfloat16", "float16", "float64", "int8", "int16", "uint16", "uint32", "uint64", "string")
MOVES = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")


@handles("Cast")
def cast(node, values):
    dtype = tf.as_dtype(node.attrs["to"])
    if dtype.name in LACKING and values.computed(node):
        raise UnsupportedError("TFLite has no operators for {}".format(dtype.name), "cast to float32 or int32")
    return [tf.cast(values[node.inputs[0]], dtype)]


def check(node, values):
    """Raise an UnsupportedError if the node computes with a dtype that nothing of TFLite does."""
    if node.op_type in MOVES:
        return
    for name, tensor in values.computed(node).items():
        if tensor.dtype.name in LACKING:
            raise UnsupportedError(
                "its input {!r} is {}, which TFLite has no operators for".format(name, tensor.dtype.name),
                "make the model compute with float32 or int32: model.float(), tensor.int()",
            )
