"""Several blobs at a time, and what is told of them."""

import threading
import time

import pytest

from pinlite.engine.sharing.transfers import Transfers
from pinlite.events import TransferFinished, TransferProgress, TransferStarted


def test_all_move_and_are_counted():
    told = []
    with Transfers("pulling 3 files", 60, told.append, 2) as moving:
        moving.run([lambda count, size=size: count(size) for size in (10, 20, 30)])
        moving.finish("pulled 3 files")
    assert told[0] == TransferStarted("pulling 3 files")
    assert isinstance(told[1], TransferProgress)
    assert (told[-1].done, told[-1].size) == ("pulled 3 files", 60)


def test_the_first_that_fails_ends_the_others():
    told, begun, ended = [], threading.Event(), threading.Event()

    def endless(count):
        begun.set()
        try:
            while True:
                count(1)
                time.sleep(0.001)
        finally:
            ended.set()

    def failing(_):
        begun.wait(10)
        raise OSError("no room")

    def never(_):
        pytest.fail("it was to stay where it is")

    with pytest.raises(OSError, match="no room"), Transfers("pulling", 9, told.append, 2) as moving:
        moving.run([endless, failing, never])
    assert ended.is_set()
    assert told[-1] == TransferFinished("pulling", "", 0, 0)


def test_what_fails_afterwards_has_failed_to_move():
    told = []

    def taken_for_another():
        with Transfers("pulling", 9, told.append, 2) as moving:
            moving.run([])
            raise ValueError("another image")

    with pytest.raises(ValueError, match="another image"):
        taken_for_another()
    assert told[-1] == TransferFinished("pulling", "", 0, 0)
