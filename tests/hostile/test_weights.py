"""A stranger's .safetensors file is data: a header that lies ends in words, and nothing is left of it."""

import json
import struct
from dataclasses import dataclass

import pytest
from conftest import ENTRY

STEERING = "\x1b[2J\x07</script>"
TENSOR = {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}
EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [48, 48]}
NET = "from torch import nn\n\n\ndef build():\n    return nn.Linear(4, 3, bias=False)\n"


@dataclass(frozen=True)
class Lie:
    """A header, the words that its file is refused with, and what the file says of the header's length."""

    name: str
    header: object
    words: str
    length: int | None = None

    def content(self) -> bytes:
        head = self.header if isinstance(self.header, bytes) else json.dumps(self.header).encode()
        return struct.pack("<Q", len(head) if self.length is None else self.length) + head + bytes(48)


LIES = (
    Lie("a-header-of-exabytes", {"weight": TENSOR}, "its header has 1152921504606846976 bytes", 2**60),
    Lie("offsets-beyond-the-file", {"weight": TENSOR | {"data_offsets": [0, 2**40]}}, "numbers of F32 are 48"),
    Lie("tensors-that-overlap", {"weight": TENSOR, "w": TENSOR}, "overlaps another"),
    Lie("one-name-twice", b'{"weight": {}, "weight": {}}', "its header has 'weight' twice"),
    Lie("json-without-an-end", b'{"a":' * 20000, "the weights can't be read: RecursionError"),
    Lie("an-unknown-type", {"weight": TENSOR | {"dtype": "F8_E4M3"}}, "which pinlite does not read"),
    Lie("a-negative-size", {"weight": TENSOR | {"shape": [-3, -4]}}, "has the shape [-3, -4]"),
    Lie(
        "sizes-that-overflow", {"weight": TENSOR | {"shape": [2**32, 2**32]}}, "numbers of F32 are 73786976294838206464"
    ),
    Lie("a-size-beyond-64-bits", {"weight": TENSOR, "b": EMPTY | {"shape": [0, 2**70]}}, "place in its storage"),
    Lie("a-name-of-dots", {"." * 200000 + "weight": TENSOR}, "a name of 200006 characters"),
    Lie("a-name-that-steers", {"weight": TENSOR, STEERING: EMPTY}, r"1 unexpected: \x1b[2J\x07</script>"),
    Lie("names-without-end", {f"p{at}.w": {**EMPTY, "data_offsets": [0, 0]} for at in range(50000)}, "the file has 48"),
)


# CI has time for what takes memory, what recurses and what would steer a terminal.
QUICK = ("a-header-of-exabytes", "json-without-an-end", "a-name-that-steers")


@pytest.mark.parametrize(
    "lie", [pytest.param(lie, id=lie.name, marks=[pytest.mark.nightly] * (lie.name not in QUICK)) for lie in LIES]
)
def test_a_header_that_lies(pinlite, tmp_path, lie):
    (pinlite.here / "net.py").write_text(NET)
    (pinlite.here / "w.safetensors").write_bytes(lie.content())
    asked = ("convert", "net.py:build", "--weights", "w.safetensors", "--input", "x=1x4", "--engine", "docker")
    ended = pinlite(*asked, "--out", "out", entry=ENTRY, LAZILY="1", PINLITE_CACHE=str(tmp_path / "cache"))
    assert (ended.status, lie.words in ended.err) == (2, True), ended.err
    assert ended.err.count("\nerror: export: ") == 1
    assert not {"\x1b", "\x07"} & set(ended.err)
    assert not (pinlite.here / "out").exists()
