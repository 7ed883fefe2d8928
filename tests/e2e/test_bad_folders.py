"""Folders that can't take a result, or are not to."""

import contextlib
import shutil

import numpy as np
import pytest
from command import NETWORK
from mounts import tmpfs


@pytest.fixture
def mounted(tmp_path):
    """Mounts a tmpfs with the options that it is given."""
    with contextlib.ExitStack() as stack:
        yield lambda options: stack.enter_context(tmpfs(tmp_path / "mounted", options))


def test_a_full_folder(pinlite, any_engine, mounted):
    folder = mounted("size=64k")
    # The samples alone are larger.
    large = (NETWORK[0], "--input", "image=1x3x96x96")
    said = pinlite.refuses(2, "convert", *large, "--engine", any_engine, "--out", folder / "out")
    assert "can't be written: No space left on device" in said
    assert "make room" in said
    assert list(folder.iterdir()) == []


def test_a_full_folder_keeps_the_earlier_result(pinlite, any_engine, mounted, network):
    folder = mounted("size=256k")
    shutil.copytree(network, folder / "out")
    before = (folder / "out/report.json").read_bytes()
    large = (NETWORK[0], "--input", "image=1x3x128x128")
    said = pinlite.refuses(2, "convert", *large, "--engine", any_engine, "--out", folder / "out")
    assert "No space left on device" in said
    assert [path.name for path in folder.iterdir()] == ["out"]
    assert (folder / "out/report.json").read_bytes() == before


def test_a_read_only_folder(pinlite, mounted):
    folder = mounted("ro")
    said = pinlite.refuses(2, "convert", *NETWORK, "--out", folder / "deep" / "out")
    assert f"{folder} can't be written: Read-only file system" in said
    assert "export" not in said


def test_a_folder_that_holds_something_else_is_not_touched(pinlite):
    out = pinlite.here / "out"
    out.mkdir(parents=True)
    (out / "thesis.tex").write_text("years of work")
    said = pinlite.refuses(2, "convert", *NETWORK, "--out", "out")
    assert "holds something else than an earlier result: thesis.tex" in said
    assert "no file was changed" in said
    assert [path.read_text() for path in out.iterdir()] == ["years of work"]


def test_an_earlier_result_with_something_of_the_users_is_not_touched(pinlite, network):
    shutil.copytree(network, pinlite.here / "out")
    (pinlite.here / "out/notes.txt").write_text("mine")
    before = sorted(path.name for path in (pinlite.here / "out").iterdir())
    assert "notes.txt" in pinlite.refuses(2, "convert", *NETWORK, "--out", "out")
    assert sorted(path.name for path in (pinlite.here / "out").iterdir()) == before


def test_a_file_is_no_folder(pinlite):
    pinlite.here.mkdir()
    (pinlite.here / "out").write_text("mine")
    assert "--out out is a file" in pinlite.refuses(2, "convert", *NETWORK, "--out", "out")
    assert (pinlite.here / "out").read_text() == "mine"


def test_a_full_folder_of_temporary_files(pinlite, any_engine, mounted, network):
    folder = mounted("size=32k")
    pinlite.here.mkdir()
    np.savez(pinlite.here / "large.npz", image=np.zeros(100_000))
    arguments = ("run", network / "model.onnx", "--samples", "large.npz", "--engine", any_engine)
    said = pinlite.refuses(2, *arguments, TMPDIR=str(folder))
    assert "No space left on device" in said
    assert "TMPDIR" in said
    assert list(folder.iterdir()) == []
