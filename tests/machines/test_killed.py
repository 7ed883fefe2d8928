"""A whole run that is killed, interrupted twice, or finds no room: what is left is found, and the next run works."""

import contextlib
import re
import signal
import time
from pathlib import Path

import pytest
from command import NETWORK, workers
from mounts import tmpfs

from pinlite.stages import export

SOON = 20


def under_way(pinlite, **environment):
    """A conversion whose first stage has a worker."""
    running = pinlite.start("convert", *NETWORK, "--engine", "docker", "--out", "out", **environment)
    end = time.monotonic() + 120
    while not any(worker.processes for worker in workers(running.process.pid, export.STAGE.program)):
        assert time.monotonic() < end
        assert running.process.poll() is None, running.said()
        time.sleep(0.05)
    return running


def test_what_kill_9_leaves_is_cleaned(pinlite, tmp_path):
    cache = {"PINLITE_CACHE": str(tmp_path / "cache")}
    running = under_way(pinlite, **cache)
    running.process.kill()
    running.process.wait()
    left = list(running.temporary.iterdir())
    assert left
    assert workers(running.process.pid)
    cleaned = pinlite.succeeds("clean", **cache)
    assert len(re.findall(r"^removed container [0-9a-f]{12} of run", cleaned.out, re.MULTILINE)) >= 1
    assert all(f"removed folder {folder}\n" in cleaned.out for folder in left)
    assert workers(running.process.pid) == []
    assert list(running.temporary.iterdir()) == []
    assert not [*(tmp_path / "cache").rglob("*.lock"), *(tmp_path / "cache").glob("store/*/making/*")]
    pinlite.succeeds("convert", *NETWORK, "--engine", "docker", "--out", "out", **cache)


def test_a_second_interrupt_ends_it_at_once(pinlite):
    running = under_way(pinlite)
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(5) == 130
    assert "Traceback" not in running.said()
    pinlite("clean")
    assert workers(running.process.pid) == []
    assert list(running.temporary.iterdir()) == []


@pytest.fixture
def small(tmp_path):
    """A filesystem with little room."""
    with tmpfs(tmp_path / "small", "size=32k") as folder:
        yield folder


@pytest.mark.parametrize("place", ["temporary", "out", "store"])
def test_a_disk_without_room(pinlite, small, tmp_path, place):
    """Where the work or the result has no room it says so; where the store has none, the run needs none."""
    options = {"temporary": {"TMPDIR": str(small)}, "out": {}, "store": {"PINLITE_CACHE": str(small)}}[place]
    out = small / "out" if place == "out" else tmp_path / "out"
    if place == "store":
        ended = pinlite("convert", *NETWORK, "--engine", "docker", "--out", out, **options)
        assert ended.status == 0, ended.err
    else:
        # A stage finds no room for its outputs, or pinlite for the result.
        status = 6 if place == "temporary" else 2
        said = pinlite.refuses(status, "convert", *NETWORK, "--engine", "docker", "--out", out, **options)
        assert "hint: make room " in said
        assert not out.exists()
    with contextlib.suppress(FileNotFoundError):
        assert not list(Path(small, "store").rglob("making/*"))
    assert [path.name for path in small.iterdir() if path.name.startswith(("pinlite-", ".out"))] == []
