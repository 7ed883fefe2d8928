"""What a cluster is sent and sends back, without one: jobs, files by content, and what is refused."""

import json
import os
import sys
from multiprocessing import Pipe
from pathlib import Path

import pytest
from test_batch import INPUT, TIMED, content, models, unreachable

from pinlite.batch import batch, one_model
from pinlite.batch.cluster import carrier, events, exchange, machines, receiving, sending
from pinlite.batch.cluster.exchange import FolderExchange
from pinlite.batch.cluster.job import Blob, Job, Machine, Outcome
from pinlite.errors import RegistryError, TamperedError, UsageError
from pinlite.events import InModel, ModelPlanned, ModelStarted, Notice, RunStarted, StageFinished, ignore

assert models
assert unreachable


@pytest.fixture
def there(tmp_path) -> FolderExchange:
    return FolderExchange(tmp_path / "exchange")


@pytest.fixture
def task(models, engine):
    assert engine.running == []
    (made,) = batch.prepared(models[:1], {"inputs": INPUT, "out": "out", "jobs": 1}).tasks
    return made


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """What answers jobs, as if on a machine with another cache; and back in the folder of the one who asks."""
    ours, theirs = Pipe()
    here = Path.cwd()

    def answer(job: Job, cache: str = "worker") -> Outcome:
        with monkeypatch.context() as patch:
            patch.setenv("PINLITE_CACHE", str(tmp_path / cache))
            try:
                return carrier.Carrier(theirs).carried_out(job.to_json())
            finally:
                os.chdir(here)

    yield answer
    ours.close()
    theirs.close()


def test_what_comes_back_is_what_a_conversion_here_makes(task, there, worker):
    sent = sending.sent(task, there, None, "", ignore)
    assert [*sent.job.files] == [str(Path("one.py").absolute())]
    outcome = worker(sent.job)
    assert (outcome.refused, outcome.unavailable, outcome.hindered) == ("", "", "")
    assert not Path("out").exists()
    result = receiving.written(sent, outcome, there, "", ignore)
    assert (result.state, result.name, result.kept) == ("right", "one-build", False)
    elsewhere = content(Path("out/one-build"))
    # The whole is kept here, as if it had been made here.
    kept = one_model.kept(task, "")
    assert kept
    assert kept.files == result.files
    alone = one_model.convert(batch.Task(task.name, Path("alone"), {**task.settings, "out": "alone"}), None, ignore)
    assert alone.files == result.files
    here = content(Path("alone"))
    assert elsewhere.keys() == here.keys()
    assert {name for name in here if here[name] != elsewhere[name]} <= TIMED


def test_absolute_paths_are_told_as_they_are_here(models, engine, there, worker):
    assert engine.running == []
    assert models
    source = f"{Path('one.py').absolute()}:build"
    (task,) = batch.prepared([source], {"inputs": INPUT, "out": "out", "jobs": 1}).tasks
    sent = sending.sent(task, there, None, "", ignore)
    receiving.written(sent, worker(sent.job), there, "", ignore)
    report = json.loads(Path("out/one-build/report.json").read_text())
    assert report["source"] == source
    assert [*report["lock"]["inputs"]] == [str(Path("one.py").absolute())]
    assert all(b"pinlite-" not in data for data in content(Path("out/one-build")).values())


def test_a_failure_is_told_with_the_paths_of_who_asks(models, engine, there, worker):
    assert engine.running == []
    assert models
    (task,) = batch.prepared(["one.py:build"], {"inputs": INPUT, "out": "out", "jobs": 1}).tasks
    sent = sending.sent(task, there, None, "", ignore)
    missing = sent.job.model_copy(update={"files": {}})
    outcome = worker(missing)
    assert outcome.result
    assert (outcome.result.state, outcome.result.code) == ("failed", "usage")
    assert "one.py" in outcome.result.message
    assert "root" not in outcome.result.message
    assert receiving.written(sent, outcome, there, "", ignore).state == "failed"
    assert not Path("out").exists()


def test_another_machine_refuses(task, there, worker):
    job = sending.sent(task, there, None, "", ignore).job
    other = job.machine.model_copy(update={"pinlite": "9.9"})
    assert "and this machine 9.9" in worker(job.model_copy(update={"machine": other})).refused
    changed = job.machine.model_copy(update={"files": "0" * 64})
    assert "has other files" in worker(job.model_copy(update={"machine": changed})).refused
    images = {**job.images, "torch-1.7.1": "0" * 64}
    assert "it would take another torch-1.7.1" in worker(job.model_copy(update={"images": images})).refused
    assert worker(job).result


def test_a_job_can_not_lead_out_of_its_folder(task, there, worker):
    job = sending.sent(task, there, None, "", ignore).job
    (blob,) = job.files.values()
    for path in ("/../../escaped.py", "relative.py"):
        assert "has a path that it does not take" in worker(job.model_copy(update={"files": {path: blob}})).refused


def test_files_that_are_not_there_are_told(task, there, worker, tmp_path):
    job = sending.sent(task, there, None, "", ignore).job
    elsewhere = FolderExchange(tmp_path / "empty").address
    assert "has no " in worker(job.model_copy(update={"exchange": elsewhere})).unavailable


def test_what_does_not_hold_together_is_not_written(task, there, worker):
    sent = sending.sent(task, there, None, "", ignore)
    outcome = worker(sent.job)
    names = [name for name in outcome.files if name.endswith(".tflite")]
    for wrong in (
        {**outcome.files, names[0]: outcome.files["model.onnx"]},
        {name: blob for name, blob in outcome.files.items() if name != names[0]},
        {**outcome.files, "more": outcome.files["model.onnx"]},
        {name: blob for name, blob in outcome.files.items() if name != "report.json"},
    ):
        with pytest.raises(TamperedError):
            receiving.written(sent, outcome.model_copy(update={"files": wrong}), there, "", ignore)
    assert not Path("out").exists()


def test_private_keys_stay(models, engine, there, tmp_path):
    assert engine.running == []
    assert models
    key = tmp_path / "key.pem"
    key.write_text("secret")
    (task,) = batch.prepared(["one.py:build"], {"inputs": INPUT, "signing_key": str(key), "jobs": 1}).tasks
    job = sending.sent(task, there, None, "", ignore).job
    assert str(key) not in job.to_json()
    with pytest.raises(UsageError, match="is not such a key"):
        sending.sent(batch.Task("x", task.out, {**task.settings, "sign": str(key)}), there, None, "", ignore)


def test_a_folder_gives_what_was_laid_and_nothing_else(there, tmp_path):
    given, other = tmp_path / "given", tmp_path / "other"
    given.write_bytes(b"bytes")
    other.write_bytes(b"other")
    blobs = exchange.blobs_of({"given": given, "other": other})
    there.put({blobs["given"]: given})
    there.take(blobs["given"], tmp_path / "taken")
    assert (tmp_path / "taken").read_bytes() == b"bytes"
    with pytest.raises(RegistryError, match="has no "):
        there.take(blobs["other"], tmp_path / "nothing")
    with pytest.raises(RegistryError, match="has changed"):
        there.put({blobs["given"]: other})
    kept = next(path for path in (tmp_path / "exchange").rglob(blobs["given"].sha256))
    kept.chmod(0o644)
    kept.write_bytes(b"lies!")
    with pytest.raises(RegistryError):
        there.take(blobs["given"], tmp_path / "lies")
    assert not (tmp_path / "lies").exists()
    assert exchange.at(there.address).address == there.address


def test_what_happens_is_told_and_nothing_else():
    told = [
        *(ModelStarted("net"), ModelPlanned("net", 7), InModel("net", Notice("careful"))),
        InModel("net", StageFinished("export", "ran", 1.5)),
    ]
    assert [events.unpacked(json.loads(json.dumps(events.packed(event)))) for event in told] == told
    assert events.packed(InModel("net", RunStarted(Path("logs")))) is None
    for strange in (["", "Path", {}], ["", "ModelStarted", {"another": 1}], ["net"], [], ["", "os", {}]):
        assert events.unpacked(strange) is None


def test_machines_are_alike_by_version_and_files():
    this = machines.this()
    assert machines.difference(this, this) == ""
    assert "pinlite 1.0" in machines.difference(this, Machine(pinlite="1.0", files=this.files))
    assert machines.other_images({"a": "1"}, {"a": "1"}) == ""
    assert machines.other_images({"a": "1"}, {}) == "it would take another a (none) than this machine (1)"
    assert machines.other_images({"a": "1" * 64, "b": "2"}, {}).endswith("and 1 more")


def test_a_blob_is_a_digest():
    with pytest.raises(ValueError, match="sha256"):
        Blob(sha256="../../etc/passwd", size=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--scheduler", "tcp://host:1"), "--scheduler needs --store"),
        (("--scheduler", "host", "--store", "oci://h.example/n"), "--scheduler host is no address"),
        (("--scheduler", "tcp://host:1", "--workers", "2"), "--scheduler and --workers are given"),
        (("--workers", "2", "--jobs", "2"), "--jobs is of this machine"),
    ],
)
def test_a_wrong_cluster_is_told_with_what_to_do(models, command, arguments, told):
    status, _, err = command("batch", models[0], *arguments)
    assert status == 2
    assert told in err
    assert "hint: " in err


def test_a_share_may_have_nothing_to_do(models, command):
    """Then no scheduler is asked."""
    asked = ("--scheduler", "tcp://127.0.0.1:1", "--store", "oci://h.example/n", "--shard", "4/4", "--json")
    status, out, _ = command("batch", *models, *asked)
    assert (status, json.loads(out)["models"]) == (0, [])


def test_models_share_one_store(models, command):
    assert models
    Path("models.toml").write_text(
        '[[model]]\nsource = "one.py:build"\nstore = "oci://a.example/x"\n\n[[model]]\nsource = "two.py:build"\n'
    )
    status, _, err = command("batch", "--scheduler", "tcp://host:1")
    assert status == 2
    assert "models have several stores: none, oci://a.example/x" in err


def test_without_dask_the_extra_is_named(models, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    for name in ("executor", "scheduler", "local", "worker"):
        monkeypatch.delitem(sys.modules, f"pinlite.batch.cluster.{name}", raising=False)
    status, _, err = command("batch", models[0], "--workers", "1")
    assert status == 2
    assert "pip install 'pinlite[cluster]'" in err
