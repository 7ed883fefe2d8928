"""Reading a model's file without its large tensors, which are mapped: what takes them needs no copy of them.

The fields of the messages are gone through up to a tensor's numbers; protobuf parses what is left.
"""

import math
import mmap

import numpy as np
import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from .model_writing import GRAPH, INITIALIZER, LARGE, MORE, RAW_DATA, SEVEN_BITS, varint

# How a field's value is written, by the last bits of its tag: a varint, eight bytes, bytes with their length, four.
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
KIND = 0b111


def read(path):
    """The `onnx.ModelProto` in a file, without the numbers of its large initializers, and these as arrays by name.

    Raises a DecodeError for a file that holds no message.
    """
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if path.stat().st_size else b""
    arrays = {}
    try:
        content = _changed(memoryview(mapped), GRAPH, lambda graph: _without_large(graph, arrays))
    except IndexError as error:
        raise DecodeError("it ends in the middle of a field") from error
    return onnx.ModelProto.FromString(content), arrays


def _without_large(graph, arrays):
    return _changed(graph, INITIALIZER, lambda tensor: _head(tensor, arrays) if len(tensor) > LARGE else tensor)


def _head(tensor, arrays):
    """A tensor's message without its numbers, which are put into ``arrays``; all of it, where it has no name, or no
    raw data that an array may be of as it is.
    """
    numbers = [value for tag, _, value in _fields(tensor) if tag == RAW_DATA]
    head = b"".join(field for tag, field, _ in _fields(tensor) if tag != RAW_DATA)
    if len(numbers) != 1:
        return tensor
    proto = onnx.TensorProto.FromString(head)
    kind = ir.DataType(proto.data_type)
    dtype = kind.numpy()
    # Numbers of less than a byte are packed.
    is_plain = kind.bitwidth == dtype.itemsize * 8 and not proto.data_location
    if not proto.name or not is_plain or len(numbers[0]) != math.prod(proto.dims) * dtype.itemsize:
        return tensor
    arrays[proto.name] = np.frombuffer(numbers[0], dtype).reshape(proto.dims)
    return head


def _changed(message, tag, change):
    """A message in which what ``change`` makes of them is in the place of the fields of bytes with a tag."""
    parts = []
    for found, field, value in _fields(message):
        if found == tag:
            made = change(value)
            parts += [tag, varint(len(made)), made]
        else:
            parts.append(field)
    return b"".join(parts)


def _fields(message):
    """Of each field of a message: its tag, all of it, and its value without the length."""
    at = 0
    while at < len(message):
        begin = at
        tag, value = _varint(message, at)
        kind = tag & KIND
        if kind == VARINT:
            _, at = _varint(message, value)
        elif kind == BYTES:
            length, value = _varint(message, value)
            at = value + length
        elif kind in (EIGHT, FOUR):
            at = value + (8 if kind == EIGHT else 4)
        else:
            raise DecodeError("a field is of kind {}, which messages don't have".format(kind))
        if at > len(message):
            raise DecodeError("it ends in the middle of a field")
        yield bytes(message[begin : begin + 1]), message[begin:at], message[value:at]


def _varint(message, at):
    """A number, and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & SEVEN_BITS) << shift
        shift += 7
        at += 1
        if byte < MORE:
            return number, at
