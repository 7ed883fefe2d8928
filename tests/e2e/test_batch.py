"""`pinlite batch` with the programs that convert: the same bytes as one by one, and nothing left, whatever ends it."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from command import CASES, RUNTIMES, processes
from held import until

from pinlite.machine import folders

# What two runs of a conversion may differ in: times, and what has times in it.
TIMED = {"report.json", "provenance.json", "provenance.json.sha256"}
SOON = 30


@pytest.fixture
def own(tmp_path):
    """A cache of its own; the environments of the venv engine are those that are there."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "venv").symlink_to(folders.cache() / "venv")
    return {"PINLITE_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def zoo(network, pinlite):
    """A models.toml with two ONNX files, one of which is given twice, and code."""
    folder = pinlite.here / "zoo"
    folder.mkdir(parents=True)
    shutil.copyfile(network / "model.onnx", folder / "first.onnx")
    shutil.copyfile(network / "model.onnx", folder / "second.onnx")
    (folder / "models.toml").write_text(
        '[[model]]\nsource = "*.onnx"\n\n[[model]]\nname = "code"\n'
        f'source = "{CASES}/tiny.py:network"\ninput = ["image=1x3x16x16"]\n'
    )
    return folder / "models.toml"


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.name not in TIMED
    }


def batch_of(folder):
    return {model["name"]: model for model in json.loads((folder / "batch.json").read_text())["models"]}


def left(own):
    """Workers and keepers of a cache of one's own."""
    return [*processes("environ", f"PINLITE_CACHE={own['PINLITE_CACHE']}")]


def test_folders_are_those_of_convert_and_the_second_time_comes_from_the_store(pinlite, any_engine, network, zoo, own):
    said = pinlite.succeeds("batch", zoo, "--engine", any_engine, "--out", "out", "--jobs", 2, **own)
    out = pinlite.here / "out"
    assert "3 of 3 models are right" in said.out
    assert content(out / "code") == content(network)
    one = pinlite.here / "alone"
    pinlite.succeeds("convert", zoo.with_name("first.onnx"), "--engine", any_engine, "--no-cache", "--out", one)
    assert content(out / "first") == content(out / "second") == content(one)
    report = json.loads((out / "first" / "report.json").read_text())
    assert [runtime["name"] for runtime in report["runtimes"]] == RUNTIMES
    assert report["ok"]
    assert left(own) == []
    before = content(out)
    shutil.rmtree(out / "second")
    pinlite.succeeds("batch", zoo, "--engine", any_engine, "--out", "out", "--jobs", 2, **own)
    assert all(model["kept"] for model in batch_of(out).values())
    assert {name: data for name, data in content(out).items() if name != "batch.json"} == {
        name: data for name, data in before.items() if name != "batch.json"
    }


def test_isolated_models_have_workers_of_their_own(pinlite, any_engine, zoo, own):
    arguments = ("batch", zoo, "--only", "first", "--engine", any_engine, "--isolate", "--out", "out")
    pinlite.succeeds(*arguments, **own)
    assert not (Path(own["PINLITE_CACHE"]) / "warm").exists()


def test_what_fails_takes_nothing_with_it(pinlite, any_engine, zoo, own):
    zoo.with_name("broken.onnx").write_bytes(b"no model")
    ended = pinlite("batch", zoo, "--engine", any_engine, "--out", "out", "--jobs", 2, **own)
    assert ended.status == 11
    assert "1 of 4 models are not right" in ended.err
    found = batch_of(pinlite.here / "out")
    assert {name: model["state"] for name, model in found.items()} == {
        "broken": "failed",
        "first": "right",
        "second": "right",
        "code": "right",
    }
    assert found["broken"]["code"] in ("usage", "model")
    assert not (pinlite.here / "out" / "broken").exists()


def hosts(running):
    """The processes that carry out the models of a batch."""
    found = processes("cmdline", "pinlite.batch.host")
    return [pid for pid in found if _parent(pid) == running.process.pid]


def _parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_process_that_is_killed_takes_its_own_model_alone(pinlite, any_engine, zoo, own):
    running = pinlite.start("batch", zoo, "--engine", any_engine, "--out", "out", "--jobs", 2, **own)
    killed, *_ = until(lambda: len(found := hosts(running)) == 2 and found)
    until(lambda: list(running.temporary.glob("pinlite-*/*/in")))
    os.kill(killed, signal.SIGKILL)
    status = running.process.wait(300)
    states = [model["state"] for model in batch_of(pinlite.here / "out").values()]
    assert status == 11
    assert sorted(states) == ["failed", "right", "right"]
    assert "was ended by signal 9" in running.said()
    until(lambda: left(own) == [], SOON)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_leaves_whole_folders_alone(pinlite, any_engine, zoo, own, jobs):
    running = pinlite.start("batch", zoo, "--engine", any_engine, "--out", "out", "--jobs", jobs, **own)
    until(lambda: list(running.temporary.glob("pinlite-*/*/in/*check*")))
    running.process.send_signal(signal.SIGINT)
    ended = running.end(SOON)
    assert ended.status == 130
    assert ended.err.endswith("error: interrupted\n")
    out = pinlite.here / "out"
    whole = [path.name for path in out.iterdir()] if out.exists() else []
    assert all((out / name / "report.json").exists() for name in whole)
    until(lambda: left(own) == [], SOON)
    again = pinlite.succeeds("batch", zoo, "--engine", any_engine, "--out", "out", **own)
    assert "3 of 3 models are right" in again.out


def test_a_batch_that_is_killed_leaves_no_process_for_long(pinlite, any_engine, zoo, own):
    running = pinlite.start("batch", zoo, "--engine", any_engine, "--out", "out", "--jobs", 2, **own)
    until(lambda: list(running.temporary.glob("pinlite-*/*/in/*check*")))
    running.process.kill()
    running.process.wait()
    # The processes of the models end as by ^C; the workers that no code of theirs ran in wait for a minute.
    until(lambda: not _hosts_of(own), SOON)
    pinlite.succeeds("clean", **own)
    until(lambda: left(own) == [], SOON)


def _hosts_of(own):
    found = processes("environ", f"PINLITE_CACHE={own['PINLITE_CACHE']}")
    return [pid for pid in found if pid in processes("cmdline", "pinlite.batch.host")]
