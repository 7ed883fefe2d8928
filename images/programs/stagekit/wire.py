"""Protobuf messages as bytes: to look at a model, or to change a little of it, its weights need not be in memory.

Fields are found as https://protobuf.dev/programming-guides/encoding has them: a key, the number of the field and its
kind, and then a number of a kind's length, or as many bytes as a number before them says. A ValueError says where a
content is no message.
"""

import contextlib
import mmap
from typing import NamedTuple

NUMBER, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# In bytes, of a constant's value. What is smaller may decide something; nothing that does is larger.
LARGE = 1 << 16


@contextlib.contextmanager
def mapped(path):
    """The bytes of a file, where they lie."""
    with path.open("rb") as stream:
        if not path.stat().st_size:
            yield b""
            return
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        yield content
    finally:
        # What an error came from may still look into the bytes: they go with the last that does.
        with contextlib.suppress(BufferError):
            content.close()


class Field(NamedTuple):
    """A field of a message: where its key begins, and from where to where its value goes."""

    number: int
    key: int
    start: int
    end: int

    @property
    def size(self):
        return self.end - self.start


def whole(content):
    """The message itself, as if it were a field."""
    return Field(0, 0, 0, len(content))


def rewritten(content, message, number, rewrite):
    """A message whose fields of a ``number``, messages themselves, are what ``rewrite`` makes of them."""
    return b"".join(
        framed(number, rewrite(each)) if each.number == number else content[each.key : each.end]
        for each in fields(content, message)
    )


def without(content, message, drop):
    """A message without those fields for which ``drop`` is true."""
    return b"".join(content[each.key : each.end] for each in fields(content, message) if not drop(each))


def fields(content, message):
    """The fields of a message."""
    at = message.start
    while at < message.end:
        key = at
        number, at = _number(content, at, message.end)
        kind = number & 7
        if kind == NUMBER:
            _, end = _number(content, at, message.end)
        elif kind == LENGTH:
            length, at = _number(content, at, message.end)
            end = at + length
        elif kind in (FIXED64, FIXED32):
            end = at + (8 if kind == FIXED64 else 4)
        else:
            raise ValueError("a field of kind {}".format(kind))
        if end > message.end:
            raise ValueError("a field goes on beyond its message")
        yield Field(number >> 3, key, at, end)
        at = end


def _number(content, start, end):
    """Seven bits a byte, the lowest first; where the highest bit is set, there is another byte."""
    found = 0
    for shift in range(0, 64, 7):
        if start >= end:
            break
        byte = content[start]
        start += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, start
    raise ValueError("a number without an end")


def framed(number, value):
    return head(number, len(value)) + value


def head(number, length):
    """What stands before a value of so many bytes."""
    return _varint(number << 3 | LENGTH) + _varint(length)


def _varint(number):
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
