"""One stage and what it leaves, none of which is trusted."""

import os
import stat
from pathlib import Path

import pytest
from fake_engine import FakeWorker, RefusalError
from recipes import ensured

from pinlite.errors import PinliteError, StageCrashError
from pinlite.events import ignore
from pinlite.runner.execute import execute
from pinlite.runner.workers import Workers
from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import Limits
from pinlite.stages.stage import Action, Stage, hashed

STAGE = Stage("step", image="onnx", program="onnx_check.check", operation="check")


class Result(Frozen):
    count: int


@pytest.fixture
def workers(engine):
    with Workers(engine.start, ensured(engine), Limits(), run="a-run") as workers:
        yield workers
    assert engine.running == []


@pytest.fixture
def step(engine, workers):
    """Run a program as a stage with one file and one folder to make."""

    def run(program, inputs=None):
        engine.programs["step"] = program
        outputs = {"model": "model.onnx", "folder": "saved"}
        return execute(Action(STAGE, Result, {"seed": 1}, outputs, hashed(**inputs or {})), workers, ignore)

    return run


def good(call):
    call.outputs["model"].write_text("model")
    call.outputs["folder"].mkdir()
    (call.outputs["folder"] / "file").write_text("file")
    return {"count": 3}


def test_outputs_are_moved_to_where_the_worker_can_not_reach_them(step, workers):
    done = step(good)
    assert done.result == Result(count=3)
    assert done.outputs["model"].read_text() == "model"
    assert (done.outputs["folder"] / "file").read_text() == "file"
    for path in done.outputs.values():
        assert path.is_relative_to(workers.folder / "artifacts")
    assert not list((workers.folder / "onnx-1.8.0-check" / "out").iterdir())
    assert done.peak_memory == 123_000_000


def test_a_failure_is_told_before_its_worker_is_ended(engine, workers, monkeypatch):
    """That may take long, and the run may be over then for another failure: it is a failure, not skipped."""
    happened = []
    ended = FakeWorker.stop

    def stop(worker):
        happened.append("ended")
        monkeypatch.setattr(type(workers), "are_ended", True)
        ended(worker)

    def crash(_):
        raise StageCrashError("the engine does not answer any more")

    monkeypatch.setattr(FakeWorker, "stop", stop)
    engine.programs["step"] = crash
    action = Action(STAGE, Result, {}, {})
    with pytest.raises(StageCrashError) as caught:
        execute(action, workers, lambda event: happened.append(getattr(event, "source", "began")))
    assert happened == ["began", "failed", "ended"]
    assert caught.value.stage == "step"


def test_inputs_are_copies_that_anyone_may_read_with_their_ending(step, tmp_path):
    folder = tmp_path / "nets"
    folder.mkdir(mode=0o700)
    (folder / "net.py").write_text("net")
    (tmp_path / "w.pt").write_text("weights")
    for private in (folder / "net.py", tmp_path / "w.pt"):
        private.chmod(0o600)

    def program(call):
        assert call.inputs["weights"].suffix == ".pt"
        assert call.inputs["weights"].read_text() == "weights"
        for path in (call.inputs["weights"], call.inputs["source"] / "net.py"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o644
            path.write_text("spoilt")
        assert stat.S_IMODE(call.inputs["source"].stat().st_mode) == 0o755
        return good(call)

    step(program, {"source": folder, "weights": tmp_path / "w.pt"})
    assert ((folder / "net.py").read_text(), (tmp_path / "w.pt").read_text()) == ("net", "weights")


def test_modes_that_a_worker_chose_do_not_stay(step):
    def program(call):
        result = good(call)
        call.outputs["model"].chmod(0o777)
        call.outputs["folder"].chmod(0o777)
        return result

    done = step(program)
    assert stat.S_IMODE(done.outputs["model"].stat().st_mode) == 0o644
    assert stat.S_IMODE(done.outputs["folder"].stat().st_mode) == 0o755


def nothing(_):
    return {"count": 1}


def forgets(call):
    good(call)
    call.outputs["model"].unlink()
    return {"count": 1}


def adds(call):
    good(call)
    call.outputs["model"].with_name("more.txt").write_text("")
    return {"count": 1}


def links(call):
    good(call)
    call.outputs["model"].unlink()
    call.outputs["model"].symlink_to("/etc/passwd")
    return {"count": 1}


def links_within(call):
    good(call)
    (call.outputs["folder"] / "passwd").symlink_to("/etc/passwd")
    return {"count": 1}


def pipe(call):
    good(call)
    os.mkfifo(call.outputs["folder"] / "pipe")
    return {"count": 1}


def links_all(call):
    good(call)
    made = call.outputs["model"].parent
    elsewhere = Path("elsewhere").absolute()
    made.rename(elsewhere)
    elsewhere.joinpath("model.onnx").chmod(0o600)
    made.symlink_to(elsewhere)
    return {"count": 1}


def removes(call):
    call.outputs["model"].parent.rmdir()
    return {"count": 1}


def answers_wrongly(call):
    return good(call) | {"count": "many"}


def answers_more(call):
    return good(call) | {"surprise": 1}


@pytest.mark.parametrize(
    "program",
    [nothing, forgets, adds, links, links_within, pipe, links_all, removes, answers_wrongly, answers_more],
)
def test_what_was_not_promised_is_a_crash_of_the_stage(step, program):
    with pytest.raises(StageCrashError) as raised:
        step(program)
    assert str(raised.value).startswith("step: ")
    assert ".log" in raised.value.hint
    if program is links_all:
        assert stat.S_IMODE(Path("elsewhere/model.onnx").stat().st_mode) == 0o600


@pytest.mark.parametrize(("kind", "status"), [("usage", 2), ("model", 3), ("internal", 6)])
def test_a_refusal_keeps_its_words_and_has_its_status(step, kind, status):
    def refuse(_):
        raise RefusalError(kind, "operator Foo", "write it otherwise")

    with pytest.raises(PinliteError) as raised:
        step(refuse)
    assert (str(raised.value), raised.value.exit_status) == ("step: operator Foo", status)
    assert raised.value.hint == "write it otherwise" or (kind == "internal" and ".log" in raised.value.hint)


def test_a_link_that_comes_after_the_look_is_not_followed(step, tmp_path, monkeypatch):
    """A worker that runs on may have the folder open: what it puts in a file's place is not made readable for all."""
    secret = tmp_path / "secret"
    secret.write_text("word")
    secret.chmod(0o600)
    look = os.stat

    def swapping(name, *, dir_fd=None, follow_symlinks=True):
        found = look(name, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
        if name == "model.onnx" and dir_fd is not None:
            os.unlink(name, dir_fd=dir_fd)
            os.symlink(secret, name, dir_fd=dir_fd)
        return found

    monkeypatch.setattr(os, "stat", swapping)
    with pytest.raises(PinliteError):
        step(good)
    assert stat.S_IMODE(secret.lstat().st_mode) == 0o600
