"""The head of an .onnx file: what it says of its versions, operators and files, and none of its numbers.

A file is walked by protobuf's wire format, as onnx.proto numbers the fields; tensors are stepped over, so that a file
of a gigabyte takes milliseconds. Nothing in it is trusted.
"""

import functools
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10
_MORE, _SEVEN_BITS = 0x80, 0x7F
# A body in a body in a body: deeper ones are no model that anybody wrote.
_DEEPEST = 64
# As many as a model of a million nodes has; they take some seconds.
_MOST_FIELDS = 10_000_000

# The fields that are read of each message, by their numbers: a message of that kind, or else a value.
_FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {1: "ir_version", 7: "graph", 8: "opset", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "node": {4: "op_type", 5: "attribute", 7: "domain"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "opset": {1: "domain", 2: "version"},
    "tensor": {13: "external_data", 14: "data_location"},
    "external_data": {1: "key", 2: "value"},
}
_NUMBERS = ("ir_version", "version", "data_location")


class DamagedError(ValueError):
    """The bytes are no protobuf message."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor is kept: the file as the model names it, and the bytes there; without a ``length`` it is said by
    the tensor's shape.
    """

    location: str
    offset: int
    length: int | None


@dataclass(frozen=True)
class OnnxFile:
    """``opsets`` has versions by domain, "" is ONNX's own; ``operators`` are (domain, name), those of bodies and
    functions too; ``stored`` are the tensors that other files hold.
    """

    ir_version: int
    opsets: Mapping[str, int]
    operators: frozenset[tuple[str, str]]
    has_functions: bool
    stored: tuple[StoredTensor, ...]

    @property
    def is_quantized(self) -> bool:
        """Whether it says what activations are rounded to."""
        return any(name == "QuantizeLinear" or name.startswith("QLinear") for _, name in self.operators)


def read(path: Path) -> OnnxFile | None:
    """The head of a file; None for one that is no ONNX model, or a damaged one, which `check` says in words.

    Raises:
        OSError: It can't be read.
    """
    status = path.stat()
    return _read(path, status.st_ino, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _read(path: Path, inode: int, size: int, changed: int) -> OnnxFile | None:
    """Once for each content of a file: several parts of a run look at its head."""
    del inode, changed
    if size == 0:
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            found = _Walk(data).result()
        except ValueError:
            return None
    return found if found.operators or found.opsets else None


class _Walk:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._left = _MOST_FIELDS
        self._opsets: dict[str, int] = {}
        self._operators: set[tuple[str, str]] = set()
        self._functions = False
        self._stored: list[StoredTensor] = []

    def result(self) -> OnnxFile:
        said = self._message("model", 0, len(self._data), 0)
        return OnnxFile(
            int(said.get("ir_version", 0)),
            self._opsets,
            frozenset(self._operators),
            self._functions,
            tuple(self._stored),
        )

    def _message(self, kind: str, start: int, end: int, depth: int) -> dict[str, int | str]:
        """Walk a message; the numbers and texts that it says, the last of each."""
        if depth > _DEEPEST:
            raise DamagedError
        said: dict[str, int | str] = {}
        external: dict[str, str] = {}
        for name, value, at, until in self._fields(kind, start, end):
            if name in _NUMBERS:
                said[name] = value
            elif name not in _FIELDS:
                said[name] = self._data[at:until].decode()
            else:
                inner = self._message(name, at, until, depth + 1)
                if name == "external_data":
                    external[str(inner.get("key"))] = str(inner.get("value", ""))
        self._note(kind, said, external)
        return said

    def _note(self, kind: str, said: Mapping[str, int | str], external: Mapping[str, str]) -> None:
        domain = _standard(str(said.get("domain", "")))
        if kind == "function":
            self._functions = True
        elif kind == "node":
            self._operators.add((domain, str(said.get("op_type", ""))))
        elif kind == "opset":
            self._opsets[domain] = max(int(said.get("version", 0)), self._opsets.get(domain, 0))
        elif kind == "tensor" and said.get("data_location"):
            offset, length = (_number(external.get(key, "")) for key in ("offset", "length"))
            self._stored.append(StoredTensor(external.get("location", ""), offset or 0, length))

    def _fields(self, kind: str, start: int, end: int) -> Iterator[tuple[str, int, int, int]]:
        """Name, number, start and end of each field that is read; one is a number or has a start and an end."""
        names = _FIELDS[kind]
        at = start
        while at < end:
            self._left -= 1
            key, at = self._varint(at, end)
            name, wire = names.get(key >> 3), key & 7
            value, size = 0, _SIZES.get(wire)
            if wire == _VARINT:
                value, at = self._varint(at, end)
                size = 0
            elif wire == _BYTES:
                size, at = self._varint(at, end)
            if size is None or at + size > end or self._left < 0:
                raise DamagedError
            if name and (wire == _VARINT) == (name in _NUMBERS) and wire in (_VARINT, _BYTES):
                yield name, value, at, at + size
            at += size

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for shift in range(min(_LONGEST_VARINT, end - at)):
            byte = self._data[at + shift]
            value |= (byte & _SEVEN_BITS) << (7 * shift)
            if byte < _MORE:
                return value, at + shift + 1
        raise DamagedError


def _standard(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _number(text: str) -> int | None:
    """What is no number is left to `adapt`, which says so."""
    return int(text) if text.isdecimal() else None
