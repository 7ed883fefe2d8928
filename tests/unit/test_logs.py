"""What is kept of the logs of runs, and the folders that tell whose they are."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pinlite.errors import UsageError
from pinlite.machine import folders, logs, temporary
from pinlite.runner.workers import Workers


def made(name, at, text=""):
    path = folders.logs() / name
    if text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    else:
        path.mkdir(parents=True)
    os.utime(path, (at, at))
    return path


def test_the_oldest_runs_make_room_for_a_new_one():
    old = [made(f"{number:012x}", number) for number in range(logs.KEPT + 3)]
    reports = [made(f"bug-{number:03}.txt", number, "bug") for number in range(logs.KEPT + 2)]
    other = made("builds", 0)
    new = logs.start("f" * 12)
    assert [path.name for path in old if not path.exists()] == [f"{number:012x}" for number in range(4)]
    assert [path.name for path in reports if not path.exists()] == ["bug-000.txt", "bug-001.txt"]
    assert other.exists()
    assert new.is_dir()


def test_a_clock_that_was_set_back_takes_no_logs_from_a_new_run():
    tomorrow = time.time() + 86_400
    for number in range(logs.KEPT + 1):
        made(f"{number:012x}", tomorrow)
    assert logs.start("f" * 12).is_dir()
    assert len(list(folders.logs().iterdir())) == logs.KEPT


def test_the_last_run_is_the_one_that_began_last():
    assert logs.last(0) == []
    for name, at in (("a" * 12, 20), ("b" * 12, 10)):
        made(f"{name}/torch-export.log", at, "said")
        os.utime(folders.logs() / name, (at, at))
    assert [path.parent.name for path in logs.last(20)] == ["a" * 12]
    assert logs.last(21) == []


def test_logs_that_can_not_be_kept_are_a_usage_error(engine, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", "/proc/pinlite")
    with (
        pytest.raises(UsageError, match=r"/proc/pinlite.* can't be made"),
        Workers(engine.start, {}, None, run="a-run"),
    ):
        pass


def left_by_another():
    """A process that makes a folder, prints its name, and ends without removing it once it has read a line."""
    code = "import os; from pinlite.machine import temporary; made = temporary.folder(); print(made.name, flush=True); "
    return subprocess.Popen(
        [sys.executable, "-c", code + "input(); os._exit(9)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": tempfile.gettempdir()},
    )


def test_a_folder_is_a_leftover_once_its_process_is_gone():
    with temporary.folder() as own, left_by_another() as other:
        left = Path(other.stdout.readline().strip())
        assert left.is_dir()
        assert temporary.leftovers() == []
        other.stdin.write("\n")
        other.stdin.close()
        other.wait()
        assert temporary.leftovers() == [left]
        assert Path(own).is_dir()


def test_a_name_alone_is_no_leftover(tmp_path):
    here = Path(tempfile.gettempdir())
    machine = os.uname().nodename
    for name in ("pinlite-report", f"pinlite-elsewhere.{machine}-1.1-abc", f"pinlite-{machine}-1-abc"):
        (here / name).mkdir()
    (here / f"pinlite-{machine}-4000000.1-link").symlink_to(tmp_path)
    (here / f"pinlite-{machine}-4000000.1-file").touch()
    assert temporary.leftovers() == []
