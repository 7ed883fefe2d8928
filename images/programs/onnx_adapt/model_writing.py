"""Writing a model of any size with all of its tensors inside, each from where it lies.

Protobuf joins the parts of a message that come one after the other: the file is the model without its large tensors,
and behind it a graph of nothing but these. So none of them is copied into a message, and that into bytes.
"""

import onnx
import onnx_ir as ir

# In bytes: smaller tensors are written with the graph.
LARGE = 2**12
# Fields as onnx.proto numbers them, of bytes: their tags.
GRAPH, INITIALIZER, RAW_DATA = (bytes([number << 3 | 2]) for number in (7, 5, 9))
MORE, SEVEN_BITS = 0x80, 0x7F


def write(model, path):
    """Write a model, whose large initializers it takes out."""
    initializers = model.graph.initializers
    names = [name for name, value in initializers.items() if _is_large(value.const_value)]
    large = [initializers.pop(name).const_value for name in names]
    heads = [_head(name, tensor) for name, tensor in zip(names, large)]
    sizes = [len(head) + tensor.nbytes for head, tensor in zip(heads, large)]
    fields = [INITIALIZER + varint(size) for size in sizes]
    with path.open("wb") as file:
        file.write(ir.to_proto(model).SerializeToString())
        file.write(GRAPH + varint(sum(map(len, fields)) + sum(sizes)))
        for field, head, tensor in zip(fields, heads, large):
            file.write(field + head)
            # numpy writes past the buffer of the file.
            file.flush()
            tensor.tofile(file)


def _is_large(tensor):
    return tensor.dtype != ir.DataType.STRING and tensor.nbytes > LARGE


def _head(name, tensor):
    """A tensor's message up to its numbers."""
    message = onnx.TensorProto(dims=tensor.shape.numpy(), data_type=tensor.dtype.value, name=name)
    return message.SerializeToString() + RAW_DATA + varint(tensor.nbytes)


def varint(number):
    """A number as protobuf writes it: seven bits in a byte, the last first."""
    encoded = bytearray()
    while number > SEVEN_BITS:
        encoded.append(number & SEVEN_BITS | MORE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
