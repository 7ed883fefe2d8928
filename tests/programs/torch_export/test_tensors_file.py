"""Tensors from files, none of which is run."""

import argparse
import io
import os
import pickle
import sys
import tarfile
import tempfile
import unittest
import zipfile
from collections import Counter, OrderedDict, deque
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stagekit import StageError
from torch_export import tensors_file

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8),
    *(torch.uint8, torch.bool, torch.complex64, torch.complex128),
)


class Calling:
    """A pickle that calls a function when it is loaded."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class TensorsFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "weights.pt"
        self.mark = Path(folder.name) / "it-ran"

    def saved(self, value, **options):
        torch.save(value, str(self.path), **options)
        return tensors_file.read(self.path)

    def refused(self, words):
        with self.assertRaises(StageError) as caught:
            tensors_file.read(self.path)
        self.assertIn(words, caught.exception.message)
        self.assertEqual("usage", caught.exception.kind)
        self.assertFalse(self.mark.exists())

    def archive(self, pickled, **members):
        with zipfile.ZipFile(str(self.path), "w", members.pop("compression", zipfile.ZIP_STORED)) as archive:
            archive.writestr("archive/data.pkl", pickled)
            for name, content in members.items():
                archive.writestr("archive/" + name.replace("_", "/"), content)

    def test_every_dtype_in_both_forms(self):
        values = {str(dtype): torch.tensor([[0, 1, 3], [2, 5, 7]]).to(dtype) for dtype in DTYPES}
        values["view"] = values["torch.float32"].t()[1:]
        values["none"] = torch.zeros(0, 3)
        values["parameter"] = nn.Parameter(torch.ones(2))
        for zipped in (True, False):
            found = self.saved(values, _use_new_zipfile_serialization=zipped)
            self.assertEqual(list(values), list(found))
            for name, value in values.items():
                self.assertEqual((value.dtype, value.shape), (found[name].dtype, found[name].shape))
                self.assertTrue(torch.equal(value.detach(), found[name].read()), name)

    def test_a_state_dict_with_its_metadata(self):
        state = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict()
        for zipped in (True, False):
            found = self.saved(state, _use_new_zipfile_serialization=zipped)
            self.assertIsInstance(found, OrderedDict)
            self.assertEqual(state._metadata, found._metadata)

    def test_plain_values(self):
        plain = {
            "epoch": 3,
            "rate": 0.5,
            "names": ["a", ("b", None)],
            "on": True,
            "size": torch.Size([1]),
        }
        self.assertEqual(plain, self.saved(plain))

    def test_what_would_run_is_named_and_not_run(self):
        for function, arguments, words in (
            (os.system, (f"touch {self.mark}",), "posix.system"),
            (exec, (f"open({str(self.mark)!r}, 'w')",), "__builtin__.exec"),
            (getattr, ("torch", "load"), "__builtin__.getattr"),
            (torch.load, (str(self.path),), "torch.serialization.load"),
            (torch.jit.load, (str(self.path),), "torch.jit._serialization.load"),
            (open, (str(self.mark), "w"), "io.open"),
        ):
            for zipped in (True, False):
                found = self.saved(
                    {"it": Calling(function, *arguments), "w": torch.ones(1)}, _use_new_zipfile_serialization=zipped
                )
                self.assertEqual(words, found["it"].name)
                self.assertTrue(found["w"].read().equal(torch.ones(1)))
                self.assertFalse(self.mark.exists())

    def test_what_is_named_is_not_imported(self):
        for opcodes in (b"cantigravity\nfly\n)R.", b"(iantigravity\nfly\n.", b"(cantigravity\nfly\no."):
            self.archive(opcodes)
            self.assertEqual("antigravity.fly", tensors_file.read(self.path).name)
        self.assertNotIn("antigravity", sys.modules)

    def test_instances_keep_nothing_of_what_they_are_given(self):
        values = {
            "namespace": argparse.Namespace(rate=0.1),
            "counts": Counter("aab"),
            "queue": deque([1, 2]),
            "array": np.ones(3),
            "module": nn.Linear(2, 3),
            "path": Path("a"),
            "type": nn.Linear,
            "dtype": torch.float32,
            "sparse": torch.eye(2).to_sparse(),
        }
        for zipped in (True, False):
            found = self.saved(values, _use_new_zipfile_serialization=zipped)
            self.assertEqual({"Inert"}, {type(value).__name__ for value in found.values()})
            self.assertEqual("argparse.Namespace", found["namespace"].name)
            self.assertEqual({"name"}, set().union(*(vars(value) for value in found.values())))

    def test_methods_of_what_is_allowed_are_not(self):
        for opcodes in (
            b"\x80\x04\x8c\x05torch\x8c\x16FloatStorage.from_file\x93.",
            b"ctorch\nFloatStorage.from_file\n.",
        ):
            self.archive(opcodes)
            self.assertEqual("torch.FloatStorage.from_file", tensors_file.read(self.path).name)

    def test_what_pinlite_builds_with_is_no_class(self):
        for opcodes in (
            b"ctorch._utils\n_rebuild_tensor_v2\n)\x81.",
            b"ccollections\nOrderedDict\n)\x81.",
            b"ctorch\nFloatStorage\n)}\x92.",
        ):
            self.archive(opcodes)
            self.refused("the file holds more than tensors: an instance of")

    def test_state_is_set_on_state_dicts_alone(self):
        for opcodes, words in (
            (b"ctorch._utils\n_rebuild_tensor_v2\n}X\x0c\x00\x00\x00__defaults__K\x01sb.", "the state of a function"),
            (b"ctorch\nFloatStorage\n}X\x05\x00\x00\x00dtypeK\x01sb.", "the state of a dtype"),
            (b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb.", "the state of a OrderedDict"),
        ):
            self.archive(opcodes)
            self.refused(words)

    def test_a_storage_is_as_long_as_it_says(self):
        torch.save(torch.ones(2), str(self.path))
        with zipfile.ZipFile(str(self.path)) as archive:
            (pickled,) = [archive.read(name) for name in archive.namelist() if name.endswith("/data.pkl")]
            (key,) = [name.rpartition("/")[2] for name in archive.namelist() if "/data/" in name]
        longer = pickled.replace(b"K\x02tq", b"K\x7ftq", 1)
        self.assertNotEqual(pickled, longer)
        self.archive(longer, **{"data_" + key: b"\0" * 8})
        self.refused("holds 8 bytes, not 127 numbers")

    def test_a_storage_that_ends_too_early_is_not_read(self):
        torch.save(torch.ones(64), str(self.path), _use_new_zipfile_serialization=False)
        self.path.write_bytes(self.path.read_bytes()[:-8])
        stored = tensors_file.read(self.path)
        self.assertRaisesRegex(ValueError, "248 bytes are no 64 numbers", stored.read)

    def test_numbers_in_another_order_of_bytes(self):
        self.archive(pickle.dumps({}, protocol=2), byteorder="big")
        self.refused("another order of bytes")

    def test_compressed_storages_are_refused(self):
        torch.save(torch.ones(2), str(self.path))
        with zipfile.ZipFile(str(self.path)) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(str(self.path), "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        self.refused("is compressed")

    def test_a_tensor_beyond_its_storage(self):
        opcodes = pickle.dumps(None)[:2] + (
            b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000"
            b"X\x03\x00\x00\x00cpuK\x02tQK\x00K\x7f\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR."
        )
        self.archive(opcodes, data_0=b"\0" * 8)
        self.refused("a tensor of [127] numbers has a storage of 2")

    def test_a_tar_is_not_opened(self):
        with tarfile.open(str(self.path), "w") as tar:
            link = tarfile.TarInfo("storages")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
            member = tarfile.TarInfo("pickle")
            content = pickle.dumps(Calling(os.system, f"touch {self.mark}"))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        self.refused("the weights can't be read")

    def test_what_is_no_such_file(self):
        for content in (b"", b"no checkpoint at all", b"PK\x03\x04 damaged", b"\x80\x02."):
            self.path.write_bytes(content)
            self.refused("the weights can't be read")
        self.archive(b"")
        self.refused("the weights can't be read")
