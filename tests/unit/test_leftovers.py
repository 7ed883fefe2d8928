"""`pinlite clean`: what killed runs have left goes, what live ones use stays."""

import fcntl
import platform
import tempfile
from pathlib import Path

import pytest

from pinlite.engine import Leftover
from pinlite.errors import NoEngineError
from pinlite.machine import folders, temporary
from pinlite.store.files import Store


@pytest.fixture(autouse=True)
def engines(engine, monkeypatch):
    """The engines of the machine: docker doesn't answer, and the fake one is there."""

    def absent():
        raise NoEngineError("none", hint="none")

    monkeypatch.setattr("pinlite.engine.choice.ENGINES", {"docker": absent, "venv": lambda: engine})


def a_folder_of_the_dead():
    path = Path(tempfile.gettempdir(), f"pinlite-{platform.node()}-4000000.1-abc_12")
    (path / "torch-export" / "out").mkdir(parents=True)
    (path / "torch-export" / "out" / "model.onnx").touch()
    return path


def test_what_was_left_is_told_and_removed(engine, command):
    engine.left += [Leftover("container", "0123456789ab", "run1"), Leftover("half-made image", "/images/a")]
    folder, store = a_folder_of_the_dead(), Store()
    half, lock, guard = store.root / "making" / "tmp1", store.lock("key"), folders.cache() / "locks" / "a.guard"
    for path in (half, lock, guard):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    status, out, err = command("clean")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "removed container 0123456789ab of run run1",
        "removed half-made image /images/a",
        f"removed folder {folder}",
        f"removed file {half}",
        f"removed file {lock}",
        f"removed lock {guard}",
        "6 removed",
    ]
    assert engine.left == []
    assert not any(path.exists() for path in (folder, half, lock, guard))
    assert command("clean") == (0, "nothing was left\n", "")


def test_what_is_in_use_stays(command):
    held = [Store().lock("key"), folders.cache() / "venv" / "images" / "a.guard"]
    streams = []
    for path in held:
        path.parent.mkdir(parents=True, exist_ok=True)
        streams.append(path.open("wb"))
        fcntl.flock(streams[-1], fcntl.LOCK_EX)
    with temporary.folder() as own:
        assert command("clean") == (0, "nothing was left\n", "")
        assert Path(own).is_dir()
    assert all(path.exists() for path in held)
    for stream in streams:
        stream.close()


def test_nothing_is_made_where_nothing_was(command):
    assert command("clean") == (0, "nothing was left\n", "")
    assert list(folders.cache().iterdir()) == []


def test_a_run_says_what_it_removes(engine, command, model_file):
    engine.left += [Leftover("container", "0123456789ab", "run1"), Leftover("half-made image", "/images/a")]
    _, _, err = command("convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--out", "out")
    assert "note: removed a container that the killed run run1 had left\n" in err
    assert "note: removed a half-made image that a killed run had left\n" in err
