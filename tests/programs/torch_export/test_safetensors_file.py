"""Headers of .safetensors files, most of which lie."""

import json
import random
import struct
import tempfile
import unittest
from pathlib import Path

import torch

from stagekit import StageError
from torch_export import safetensors_file

ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
VALUES = {
    "F64": torch.tensor([1.5, -2], dtype=torch.float64),
    "F32": torch.tensor([[1.5], [-2]]),
    "F16": torch.tensor([1.5, -2]).half(),
    "BF16": torch.tensor([1.5, -2]).bfloat16(),
    "I64": torch.tensor([1, -(2**40)]),
    "I32": torch.tensor([1, -2], dtype=torch.int32),
    "I16": torch.tensor(-2, dtype=torch.int16),
    "I8": torch.tensor([1, -2], dtype=torch.int8),
    "U8": torch.tensor([1, 200], dtype=torch.uint8),
    "BOOL": torch.tensor([True, False]),
}


def content_of(tensor):
    kept = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 and hasattr(tensor, "untyped_storage") else tensor
    if kept.dtype == torch.bfloat16:
        # The first half of a float32 that has the same value.
        return tensor.float().numpy().view("<u2")[..., 1::2].tobytes()
    return kept.numpy().tobytes()


class SafetensorsFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "w.safetensors"

    def write(self, header, content=b"\0" * 8, length=None):
        head = header if isinstance(header, bytes) else json.dumps(header).encode()
        self.path.write_bytes(struct.pack("<Q", len(head) if length is None else length) + head + content)

    def refused(self, words, *written, **length):
        self.write(*written, **length)
        with self.assertRaises(StageError) as caught:
            safetensors_file.read(self.path)
        self.assertIn(words, caught.exception.message)
        self.assertEqual("usage", caught.exception.kind)
        self.assertLess(len(caught.exception.message), 1000)

    def test_every_dtype(self):
        header, content = {"__metadata__": {"format": "pt"}}, b""
        for kind, tensor in VALUES.items():
            added = content_of(tensor)
            place = [len(content), len(content) + len(added)]
            header[kind] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": place}
            content += added
        header["empty"] = {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}
        self.write(header, content)
        self.assertTrue(safetensors_file.is_one(self.path))
        found = safetensors_file.read(self.path)
        self.assertEqual({*VALUES, "empty"}, set(found))
        for kind, tensor in VALUES.items():
            self.assertEqual((tensor.dtype, tensor.shape), (found[kind].dtype, found[kind].shape))
            self.assertTrue(torch.equal(tensor, found[kind].read()), kind)
        self.assertEqual((0, 3), found["empty"].read().shape)

    def test_dtypes_that_are_not_read(self):
        for kind in ("F8_E4M3", "F8_E5M2", "U16", "C64", "F4"):
            self.refused(f"'a' is of {kind!r}, which pinlite does not read", {"a": dict(ENTRY, dtype=kind)})

    def test_sizes_beyond_what_torch_counts_with(self):
        entry = {"dtype": "F32", "shape": [0, 2**70], "data_offsets": [8, 8]}
        self.refused("a tensor's place in its storage", {"a": ENTRY, "b": entry})

    def test_headers_that_lie(self):
        for words, entry in (
            ("the file has 8", {"data_offsets": [0, 16], "shape": [4]}),
            ("follows 4 bytes of none", {"data_offsets": [4, 8], "shape": [1]}),
            ("has the data_offsets", {"data_offsets": [8, 0]}),
            ("has the data_offsets", {"data_offsets": [-8, 0]}),
            ("has the data_offsets", {"data_offsets": [0, 8.0]}),
            ("has the data_offsets", {"data_offsets": [0, True]}),
            ("has the data_offsets", {"data_offsets": [0]}),
            ("has the data_offsets", {"data_offsets": "08"}),
            ("has 8 bytes, 3 numbers".replace("3 numbers", "[3] numbers"), {"shape": [3]}),
            ("[4294967296, 4294967296, 4294967296]", {"shape": [2**32] * 3}),
            ("has the shape", {"shape": [-2]}),
            ("has the shape", {"shape": [1] * 100}),
            ("has the shape", {"shape": None}),
            ("is of ['F32']", {"dtype": ["F32"]}),
            ("has no dtype, shape and data_offsets", {"more": 1}),
        ):
            with self.subTest(entry):
                self.refused(words, {"a": dict(ENTRY, **entry)})
        self.refused("overlaps another", {"a": ENTRY, "b": ENTRY})
        self.refused("overlaps another", {"a": ENTRY, "b": dict(ENTRY, shape=[1], data_offsets=[4, 8])})
        self.refused("have 8 bytes, the file has 16", {"a": ENTRY}, b"\0" * 16)
        self.refused("has no dtype", {"a": 3})

    def test_headers_that_are_none(self):
        entry = json.dumps(ENTRY).encode()
        self.refused("'a' twice", b'{"a": %s, "a": %s}' % (entry, entry))
        self.refused("'shape' twice", b'{"a": %s}' % entry.replace(b'"dtype"', b'"shape": [1], "dtype"'))
        self.refused("utf-8", b'{"\xff": 1}')
        self.refused("JSONDecodeError", b"{")
        self.refused("RecursionError", b'{"a":' * 100000)
        self.refused("its header has 1000 bytes, the file", b"{}", length=1000)
        self.refused("its header has", b"{}", length=2**64 - 1)
        self.refused("no JSON object", b"[]")
        self.path.write_bytes(b"\x01")
        self.assertFalse(safetensors_file.is_one(self.path))
        self.assertRaises(StageError, safetensors_file.read, self.path)

    def test_what_ends_while_it_is_read(self):
        self.write({"a": ENTRY})
        stored = safetensors_file.read(self.path)["a"]
        self.path.write_bytes(self.path.read_bytes()[:-4])
        self.assertRaisesRegex(ValueError, "4 bytes are no 2 numbers", stored.read)

    def test_changed_bytes_are_read_or_refused(self):
        self.write({"a": ENTRY, "b": dict(ENTRY, dtype="BF16", shape=[2, 2], data_offsets=[8, 16])}, b"\1" * 16)
        whole, chance = self.path.read_bytes(), random.Random(0)
        for _ in range(2000):
            changed = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            self.path.write_bytes(changed[: chance.choice((len(changed), chance.randrange(len(changed))))])
            try:
                found = safetensors_file.read(self.path)
            except StageError as error:
                self.assertEqual("usage", error.kind)
            else:
                sizes = [tensor.read().numel() * tensor.read().element_size() for tensor in found.values()]
                self.assertEqual(16, sum(sizes))
