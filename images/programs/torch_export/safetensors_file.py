"""Tensors of a .safetensors file: a header in JSON that names each, and their bytes.

The form is that of https://github.com/huggingface/safetensors, whose own reader has no bfloat16 for torch 1.7.1. The
header is a stranger's, so nothing is taken from the bytes before all of it fits the file.
"""

import json
import struct
from collections import OrderedDict

import torch

from .stored_tensors import Storage, StoredTensor, part_of, reading, size_of

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
LENGTH = struct.Struct("<Q")
# In bytes, by the form's own definition.
LONGEST_HEADER = 100 * 1000 * 1000
MOST_AXES = 64
WRITE = "write it anew with safetensors.torch.save_file, as float32, float16 or bfloat16"
ENTRY = {"dtype", "shape", "data_offsets"}


def is_one(path):
    """Whether a file begins as a .safetensors file does: no pickle and no archive has its ninth byte."""
    with path.open("rb") as stream:
        return stream.read(LENGTH.size + 1)[LENGTH.size :] == b"{"


def read(path):
    """The `StoredTensor` of each name in the file, in the order of their bytes.

    Raises a StageError of kind ``usage`` for a header that is not true, or a dtype that torch lacks here.
    """
    with reading(WRITE):
        with path.open("rb") as stream:
            header = _header(stream, path.stat().st_size)
            start = stream.tell()
        return _tensors(path, header, start, path.stat().st_size - start)


def _header(stream, size):
    """The entries by name; the stream is left at the first tensor's bytes."""
    prefix = stream.read(LENGTH.size)
    (length,) = LENGTH.unpack(prefix) if len(prefix) == LENGTH.size else (size,)
    if length > min(size - LENGTH.size, LONGEST_HEADER):
        raise ValueError("its header has {} bytes, the file {}".format(length, size))
    text = stream.read(length).decode("utf-8")
    if not text.startswith("{"):
        raise ValueError("its header is no JSON object")
    header = json.loads(text, object_pairs_hook=_once)
    header.pop("__metadata__", None)
    return header


def _once(pairs):
    """A JSON object, none of whose keys comes twice: readers differ in which they take."""
    found = OrderedDict()
    for name, value in pairs:
        if name in found:
            raise ValueError("its header has {!r} twice".format(name))
        found[name] = value
    return found


def _tensors(path, header, start, size):
    found, end = OrderedDict(), 0
    for name, entry in sorted(header.items(), key=lambda item: _place(*item)):
        first, last = entry["data_offsets"]
        if first != end:
            what = "overlaps another" if first < end else "follows {} bytes of none".format(first - end)
            raise ValueError("the tensor {!r} {}".format(name, what))
        found[name] = _tensor(path, name, entry, start)
        end = last
    if end != size:
        raise ValueError("its tensors have {} bytes, the file has {}".format(end, size))
    return found


def _place(name, entry):
    """Where a tensor's bytes are, [first, beyond the last]."""
    if not isinstance(entry, dict) or set(entry) != ENTRY:
        raise ValueError("the tensor {!r} has no dtype, shape and data_offsets".format(name))
    place = entry["data_offsets"]
    if not _are_sizes(place) or len(place) != 2 or place[0] > place[1]:
        raise ValueError("the tensor {!r} has the data_offsets {!r}".format(name, place))
    return place


def _tensor(path, name, entry, start):
    kind, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise ValueError("the tensor {!r} is of {!r}, which pinlite does not read".format(name, kind))
    if not _are_sizes(shape) or len(shape) > MOST_AXES:
        raise ValueError("the tensor {!r} has the shape {!r}".format(name, shape))
    strides = [1]
    for length in reversed(shape):
        strides.insert(0, strides[0] * length)
    count, dtype = strides.pop(0), DTYPES[kind]
    if count * size_of(dtype) != last - first:
        raise ValueError(
            "the tensor {!r} has {} bytes, {} numbers of {} are {}".format(
                name, last - first, shape, kind, count * size_of(dtype)
            )
        )
    return StoredTensor(Storage(dtype, count, lambda: part_of(path, start + first, last - first)), 0, shape, strides)


def _are_sizes(value):
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)
