"""An .onnx file without the values of its large weights, which only onnxruntime needs to have in memory."""

import os

import numpy as np
from onnx import TensorProto

from stagekit import wire

# Where ModelProto, GraphProto and TensorProto have what leads to a value.
GRAPH, OPSETS, INITIALIZERS = 7, 8, 5
VALUES = (4, 5, 7, 9, 10, 11)
# The two that say that it is in another file come last.
NAME, RAW, EXTERNAL = 8, 9, 13
# Checkers ask for a value.
PLACEHOLDER = b"\0"


def light(content):
    """The ModelProto as bytes, in which each large weight has a value of one byte. A ValueError where the content is
    none.
    """

    def graph(field):
        return wire.rewritten(content, field, INITIALIZERS, weight)

    def weight(field):
        if field.size <= wire.LARGE:
            return content[field.start : field.end]
        return wire.without(content, field, lambda each: each.number in VALUES) + wire.framed(RAW, PLACEHOLDER)

    return wire.rewritten(content, wire.whole(content), GRAPH, graph)


def is_light(weight):
    """Whether a TensorProto is one that `light` took the value of."""
    return weight.raw_data == PLACEHOLDER and np.prod(weight.dims) > 1


def referring(content, names, file, folder):
    """The ModelProto as bytes, in which large weights of some names refer to their numbers in a file that is the
    content: for onnxruntime, which has them in memory once then, if it reads the bytes from a file in the folder.
    """

    def graph(field):
        return wire.rewritten(content, field, INITIALIZERS, weight)

    def weight(field):
        raw = [each for each in wire.fields(content, field) if each.number == RAW] if field.size > wire.LARGE else []
        if len(raw) != 1 or _name(content, field) not in names:
            return content[field.start : field.end]
        tensor = TensorProto(data_location=TensorProto.EXTERNAL)
        place = {
            "location": os.path.relpath(os.path.realpath(str(file)), os.path.realpath(str(folder))),
            "offset": raw[0].start,
            "length": raw[0].size,
        }
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return wire.without(content, field, lambda each: each.number == RAW) + tensor.SerializeToString()

    return wire.rewritten(content, wire.whole(content), GRAPH, graph)


def _name(content, tensor):
    return TensorProto.FromString(wire.without(content, tensor, lambda each: each.number != NAME)).name


def write(path, content, file, opsets):
    """Write a ModelProto of bytes with other sets of operators, serialized ones, and with the numbers that its weights
    refer to in a file, which go from file to file.
    """
    fields = list(wire.fields(content, wire.whole(content)))
    parts = []
    for field in fields:
        if field.number == GRAPH:
            parts += _framed(GRAPH, _graph(content, field))
        elif field.number < OPSETS:
            parts.append(content[field.key : field.end])
    parts += [wire.framed(OPSETS, opset) for opset in opsets]
    parts += [content[field.key : field.end] for field in fields if field.number > OPSETS]
    with path.open("wb") as written, file.open("rb") as weights:
        for part in parts:
            if isinstance(part, range):
                _copy(weights, part, written)
            else:
                written.write(part)


def _graph(content, graph):
    """A GraphProto in parts: bytes, and ranges of the file with the numbers."""
    parts = []
    for field in wire.fields(content, graph):
        numbers = _referred(content, field) if field.number == INITIALIZERS else None
        if numbers is None:
            parts.append(memoryview(content)[field.key : field.end])
        else:
            before, after = (
                wire.without(content, field, lambda each, kept=kept: each.number not in kept)
                for kept in (range(RAW), range(RAW + 1, EXTERNAL))
            )
            parts += _framed(INITIALIZERS, [before, *_framed(RAW, [numbers]), after])
    return parts


def _referred(content, tensor):
    """The range of the other file in which a TensorProto has its numbers, or None."""
    entries = wire.without(content, tensor, lambda each: each.number != EXTERNAL)
    place = {each.key: each.value for each in TensorProto.FromString(entries).external_data}
    return range(int(place["offset"]), int(place["offset"]) + int(place["length"])) if place else None


def _framed(number, parts):
    return [wire.head(number, sum(map(len, parts))), *parts]


def _copy(source, place, target):
    target.flush()
    at = place.start
    while at < place.stop:
        at += os.sendfile(target.fileno(), source.fileno(), at, place.stop - at)
