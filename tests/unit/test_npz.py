"""Arrays from files that were made to do harm."""

import zipfile

import numpy as np
import pytest

from pinlite.inputs import npz


def test_arrays_are_read_in_their_order(tmp_path):
    given = {"b": np.arange(6.0).reshape(2, 3), "a": np.asfortranarray(np.eye(3)[:2]), "é/x": np.array(1, np.int8)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "arrays.npz", **given)
        found = npz.read(tmp_path / "arrays.npz")
        assert list(found) == list(given)
        np.testing.assert_equal(found, given)
    np.save(tmp_path / "one.npy", given["b"])
    np.testing.assert_equal(npz.read_one(tmp_path / "one.npy"), given["b"])


def refused(path, words):
    with pytest.raises(npz.NoArraysError, match=words):
        npz.read(path)


def test_more_than_is_read_is_refused_before_it_is(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(2**20))
    assert path.stat().st_size < 2**16
    monkeypatch.setattr(npz, "MOST", 2**20)
    monkeypatch.setattr(npz, "_array", None)
    refused(path, "and pinlite reads .* at most")
    path.write_bytes(b"x" * (2**20 + 1))
    refused(path, "and pinlite reads .* at most")


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(-1,)", "(3,)", "(2, 9223372036854775807)", "(0, -5)"])
def test_what_a_header_asks_for_is_not_allocated(tmp_path, shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    with zipfile.ZipFile(tmp_path / "header.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"1234" * 2)
    refused(tmp_path / "header.npz", "can't have 8 bytes")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_objects_and_doubles_are_refused(tmp_path):
    np.savez(tmp_path / "objects.npz", a=np.array([print], object))
    refused(tmp_path / "objects.npz", "holds objects")
    with zipfile.ZipFile(tmp_path / "two.npz", "w") as archive:
        for _ in range(2):
            with archive.open("a.npy", "w") as member:
                np.save(member, np.zeros(1))
    refused(tmp_path / "two.npz", "two of its arrays have the same name")
