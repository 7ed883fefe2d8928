"""Whenever a process is killed, what the store holds is right, and nothing that was whole is lost."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from pinlite import digest
from pinlite.digest import HashedPath
from pinlite.store import collection, record
from pinlite.store.files import Damaged, Store
from pinlite.store.record import Output, Preimage, Record

KILLS = 300


def preimage(number):
    """Of an action that makes a file and a folder of its number."""
    return Preimage(
        image="onnx",
        identity="0" * 64,
        program="count",
        operation="count",
        contract=1,
        platform="linux/amd64",
        parameters={"number": number},
        inputs={},
        outputs={"file": "file", "folder": "folder"},
        environment={},
    )


def content(number):
    # Some files are alike in several actions, and some take several writes.
    return {"file": b"%d " % (number // 3) * 50_000, "folder/one": b"%d" % number, "folder/deep/other": b"alike"}


def keep(store, number, folder):
    """What a run does at its end: lay the outputs, and keep them."""
    for name, data in content(number).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    outputs = {name: folder / name for name in ("file", "folder")}
    made = Record(
        preimage=preimage(number),
        stage="count",
        result={"number": number},
        outputs={
            name: Output(name=name, sha256=digest.of_path(path), folder=path.is_dir(), size=1)
            for name, path in outputs.items()
        },
        engine="none",
        made_in="0" * 64,
        seconds=0.0,
        peak_memory=0,
        versions={},
    )
    record.keep(store, made, {role: HashedPath.of(path) for role, path in outputs.items()})


def whole(store, number, folder):
    """Whether an action is kept; if it is, it must be right."""
    known = record.load(store, preimage(number).key)
    if known is None:
        return False
    assert known.result == {"number": number}
    try:
        outputs = record.restore(store, known, folder)
    except Damaged:
        return False
    found = {"file": outputs["file"].read_bytes()} | {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in outputs["folder"].rglob("*")
        if path.is_file()
    }
    assert found == content(number)
    return True


def killed_after(steps, seconds, work):
    """Do the work in a process that is killed some time after it has done so many steps, wherever it is then."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            for _ in work():
                os.write(writing, b".")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as done:
        for _ in range(steps):
            done.read(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.fixture
def store():
    return Store()


def test_a_process_killed_anywhere_leaves_no_wrong_record_and_loses_none(store, tmp_path):
    chance = random.Random(0)
    kept = set()

    def work(first, folder):
        for number in range(first, first + 40):
            yield keep(store, number, folder / str(number))

    for turn in range(KILLS):
        folder = tmp_path / f"turn-{turn}"
        first = chance.randrange(200)
        steps, seconds = chance.randrange(3), chance.uniform(0.0, 0.004)
        killed_after(steps, seconds, lambda first=first, folder=folder: work(first, folder))
        looked_at = {*kept, *range(first, first + 40)} if turn % 30 == 0 else {*range(first, first + 40)}
        found = {number for number in looked_at if whole(store, number, folder / f"hit-{number}")}
        assert kept & looked_at <= found, "an action that was kept is lost"
        kept |= found
    assert kept
    assert collection.damaged(store) == []
    collection.collect(store, keep_days=1, max_size=10**9)
    assert not (store.root / "making").exists()
    assert {number for number in range(240) if whole(store, number, tmp_path / f"last-{number}")} >= kept


def test_a_collector_killed_anywhere_leaves_only_what_is_right(store, tmp_path):
    chance = random.Random(1)
    for turn in range(40):
        folder = tmp_path / f"turn-{turn}"
        for number in range(6):
            if not whole(store, number, folder / f"hit-{number}"):
                keep(store, number, folder / f"made-{number}")
        size = chance.randrange(10**6)

        def work(size=size):
            yield collection.collect(store, keep_days=30, max_size=size)

        killed_after(0, chance.uniform(0.0, 0.006), work)
        for number in range(6):
            whole(store, number, folder / f"after-{number}")


def test_many_processes_share_one_store_while_a_collector_runs(store, tmp_path):
    def work(seed):
        chance = random.Random(seed)
        for turn in range(25):
            number, folder = chance.randrange(12), tmp_path / f"{seed}-{turn}"
            if not whole(store, number, folder / "hit"):
                keep(store, number, folder / "made")

    def collect():
        for _ in range(20):
            collection.collect(store, keep_days=30, max_size=500_000)
            collection.damaged(store)

    children = []
    for task in [*(lambda seed=seed: work(seed) for seed in range(4)), collect]:
        child = os.fork()
        if not child:
            status = 1
            try:
                task()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert statuses == [0] * 5
    assert collection.damaged(store) == []


def test_every_bit_counts(store, tmp_path):
    keep(store, 1, tmp_path / "made")
    for path in sorted((store.root / "blobs").glob("*/*")):
        data = path.read_bytes()
        for place in {0, len(data) // 2, len(data) - 1}:
            damaged = bytearray(data)
            damaged[place] ^= 1 << (place % 8)
            path.unlink(missing_ok=True)
            path.write_bytes(damaged)
            assert not whole(store, 1, Path(tmp_path, f"{path.name}-{place}"))
            keep(store, 1, tmp_path / f"again-{path.name}-{place}")
    assert whole(store, 1, tmp_path / "last")
