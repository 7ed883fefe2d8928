"""Files by which processes wait for one another."""

import fcntl
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from pinlite.machine import guards

GUARD = Path("folder/a.guard")


def held_by_others():
    try:
        with guards.held(GUARD, wait=False):
            return False
    except BlockingIOError:
        return True


def test_one_at_a_time():
    with guards.held(GUARD):
        assert held_by_others()
    assert not held_by_others()


def test_those_who_share_keep_out_those_who_do_not():
    with guards.held(GUARD, shared=True), guards.held(GUARD, shared=True, wait=False):
        assert held_by_others()
    assert not held_by_others()


def test_a_killed_process_holds_nothing():
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with guards.held(GUARD):
            os.write(writing, b"x")
            signal.pause()
    os.read(reading, 1)
    assert held_by_others()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not held_by_others()


def test_who_waited_for_a_guard_that_was_removed_holds_the_next():
    began, entered, leave = threading.Event(), threading.Event(), threading.Event()

    def wait():
        began.set()
        with guards.held(GUARD):
            entered.set()
            leave.wait(10)

    with guards.held(GUARD):
        waiting = threading.Thread(target=wait)
        waiting.start()
        began.wait(10)
        assert not entered.wait(0.2)
        shutil.rmtree(GUARD.parent)
    assert entered.wait(10)
    assert held_by_others()
    leave.set()
    waiting.join()


def test_only_what_nobody_holds_is_removed():
    with guards.held(GUARD):
        assert not guards.remove(GUARD)
        assert GUARD.exists()
    assert guards.remove(GUARD)
    assert not GUARD.exists()


def test_of_a_guard_that_is_gone_nothing_is_made_or_removed():
    assert not guards.remove(GUARD)
    assert not GUARD.parent.exists()
    GUARD.parent.mkdir()
    assert not guards.remove(GUARD)
    assert [*GUARD.parent.iterdir()] == []


def test_a_guard_that_another_process_removes_first_is_not_removed_again(monkeypatch):
    """Between its opening and its locking."""
    locking = fcntl.flock

    def removed_meanwhile(*arguments):
        GUARD.unlink()
        GUARD.touch()
        locking(*arguments)

    with guards.held(GUARD):
        pass
    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    assert not guards.remove(GUARD)
    assert GUARD.exists()


def test_a_guard_that_can_not_be_made_is_an_error():
    Path("file").touch()
    with pytest.raises(NotADirectoryError), guards.held(Path("file/folder") / GUARD):
        pass
