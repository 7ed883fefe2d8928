"""Cast, and the dtypes that TFLite has no operators for."""

import tensorflow as tf
from onnx import TensorProto, mapping

from .handler import UnsupportedError, handles

# TFLite of 2.4.1 stores tensors of some of these, but neither casts them nor computes with them.
LACKING = ("bfloat16", "float16", "float64", "int8", "int16", "uint16", "uint32", "uint64", "string")
# Those of them that Select-TF's operators compute with, and those that the runtime can't be fed.
SELECTABLE = ("float16", "float64", "int8", "int16")
NOT_FED = ("float64", "int16")
SELECT_TF = "; or let Select-TF operators in: --ops auto"

MOVES = ("Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze")


@handles("Cast")
def cast(node, values):
    dtype = _dtype(node.attrs["to"])
    if _is_lacking(dtype, values) and values.computed(node):
        raise UnsupportedError(
            "TFLite has no operators for {}".format(dtype.name),
            "cast to float32 or int32" + _other_choice(dtype, values),
        )
    return [tf.cast(values[node.inputs[0]], dtype)]


def _dtype(number):
    """TensorFlow's dtype for ONNX's number of one. numpy has no bfloat16."""
    return tf.bfloat16 if number == TensorProto.BFLOAT16 else tf.as_dtype(mapping.TENSOR_TYPE_TO_NP_TYPE[number])


def check(node, values):
    """Raise an UnsupportedError if the node computes with a dtype that nothing of TFLite does."""
    if node.op_type in MOVES:
        return
    for name, tensor in values.tensors(node).items():
        if name in values.ranges and node.op_type == "DequantizeLinear":
            continue
        # Whether it is known is asked last: TensorFlow looks through all that a tensor is joined of.
        lacks = _is_lacking(tensor.dtype, values) or (tensor.op.type == "Placeholder" and tensor.dtype.name in NOT_FED)
        if lacks and tf.get_static_value(tensor) is None:
            raise UnsupportedError(
                "its input {!r} is {}, which TFLite has no operators for".format(name, tensor.dtype.name),
                "make the model compute with float32 or int32: model.float(), tensor.int()"
                + _other_choice(tensor.dtype, values),
            )


def _is_lacking(dtype, values):
    return dtype.name in LACKING and not (values.select_tf and dtype.name in SELECTABLE)


def _other_choice(dtype, values):
    return SELECT_TF if dtype.name in SELECTABLE and not values.select_tf else ""
