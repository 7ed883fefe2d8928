"""What runs in a porter's container, by itself: in this Python, on folders of this machine."""

import json
import subprocess
import sys

import pytest

from pinlite.engine.docker import porter


@pytest.fixture
def running(tmp_path):
    """The program as a container gets it, but for the folders."""
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    program = porter.program(10**6)
    for name in ("in", "out"):
        program = program.replace(f'Path("/{name}")', f'Path("{tmp_path / name}")')
    assert str(tmp_path) in program
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()
        assert process.wait(10) == 0


def asked(process, **what):
    process.stdin.write(json.dumps(what) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def test_what_was_fetched_is_removed_and_nothing_else(running, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "out" / name / "deep").mkdir(parents=True)
        (tmp_path / "out" / name / "deep" / "file").write_text("x")
    assert asked(running, removed="a") == {"done": ""}
    assert asked(running, removed="never") == {"done": ""}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]


def test_all_goes_when_another_run_comes(running, tmp_path):
    for path in (tmp_path / "in" / "a" / "model", tmp_path / "out" / "left", tmp_path / "out" / ".hidden" / "file"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert asked(running, clear=True) == {"done": ""}
    assert [*(tmp_path / "in").iterdir(), *(tmp_path / "out").iterdir()] == []


def test_too_much_is_told_once_and_without_being_asked(running, tmp_path):
    (tmp_path / "out" / "large").write_bytes(bytes(2 * 10**6))
    what, hint = json.loads(running.stdout.readline())["excess"]
    assert what.startswith("more than its limit")
    assert "--disk" in hint
    assert asked(running, clear=True) == {"done": ""}
