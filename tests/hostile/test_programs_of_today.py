"""A stranger's .pt2 that is no such archive costs its own worker, which ends in words; nothing is written."""

import struct

import carriers
import pytest
from conftest import ENTRY

pytestmark = pytest.mark.nightly

OUTSIDE = ("../../../tmp/escaped", "program/../../escaped", "/tmp/escaped")
# Where the central directory of a zip has an entry's sizes, compressed and plain.
ENTRY_OF_DIRECTORY, SIZES = b"PK\1\2", slice(20, 28)


def lying(content: bytes) -> bytes:
    """An archive whose last entry says that it has 4 GiB."""
    changed = bytearray(content)
    start = content.rindex(ENTRY_OF_DIRECTORY)
    changed[start + SIZES.start : start + SIZES.stop] = struct.pack("<II", 2**32 - 2, 2**32 - 2)
    return bytes(changed)


# What is changed in an honest file: its entries, then its bytes.
ARCHIVES = {
    "names-that-lead-out": (dict.fromkeys(OUTSIDE, b"escaped"), bytes),
    "sizes-that-lie": ({}, lying),
    "cut-off": ({}, lambda content: content[:-99]),
    "a-program-that-is-none": ({"program/models/model.json": b'{"a":' * 20000}, bytes),
    "sample-inputs-that-are-none": ({carriers.SAMPLE_INPUTS: b"PK garbage"}, bytes),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive(pinlite, program, tmp_path, name):
    entries, change = ARCHIVES[name]
    path = pinlite.here / "model.pt2"
    carriers.archive(path, {**program, **entries})
    path.write_bytes(change(path.read_bytes()))
    asked = ("convert", "model.pt2", "--input", "x=1x4", "--engine", "docker", "--out", "out")
    ended = pinlite(*asked, entry=ENTRY, LAZILY="1", PINLITE_CACHE=str(tmp_path / "cache"))
    assert ended.status == 2, ended.err
    assert ended.err.count("\nerror: export: ") == 1
    assert "hint: " in ended.err
    assert sorted(each.name for each in pinlite.here.iterdir()) == ["err.txt", "model.pt2", "out.txt", "tmp"]
    assert not list(tmp_path.rglob("escaped"))
