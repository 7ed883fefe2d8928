"""Workers that stay: who gets one, what it sees of the run before, and when it ends. In each engine."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from held import until
from probes import ask, result

from pinlite.contract import Request
from pinlite.engine import warm
from pinlite.engine.warm import keeper, wire
from pinlite.errors import OutOfMemoryError, PinliteError, StageCrashError, StageTimeoutError
from pinlite.machine import folders
from pinlite.maintenance import leftovers
from pinlite.maintenance.doctor import diagnose

SOON = 10.0


@dataclass(frozen=True)
class Runs:
    """Runs that borrow the probe, each under a name and with a log of its own."""

    probe: object
    keep_warm: float = 60.0
    borrowed: list = field(default_factory=list)

    def borrow(self, name="first", **limits):
        job = self.probe.job
        changed = job.limits.model_copy(update=limits)
        log = job.log.with_name(f"{name}.log")
        asked = replace(job, run=f"{job.run}-{name}", log=log, limits=changed, keep_warm=self.keep_warm)
        self.borrowed.append(warm.borrow(self.probe.engine.name, asked))
        return self.borrowed[-1]

    def traces(self):
        return self.probe.traces()


@pytest.fixture
def in_each(probe, tmp_path, monkeypatch):
    """Runs in each engine, which leave nothing behind."""
    yield from _runs(probe, tmp_path, monkeypatch)


@pytest.fixture
def runs(venv_probe, tmp_path, monkeypatch):
    """The same in one engine, for what is the keeper's alone."""
    yield from _runs(venv_probe, tmp_path, monkeypatch)


def _runs(probe, tmp_path, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "cache"))
    runs = Runs(probe)
    yield runs
    for worker in runs.borrowed:
        worker.stop()
    warm.end()
    until(lambda: not keepers())
    assert [path.name for path in (folders.cache() / "warm").iterdir() if path.suffix != ".guard"] == []


def keepers():
    """Their numbers."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _is_keeper(path)]


def _is_keeper(command):
    with contextlib.suppress(OSError):
        return str(folders.cache()).encode() in command.read_bytes()
    return False


def sockets():
    return list((folders.cache() / "warm").glob("*.socket"))


def test_the_next_run_has_the_same_worker(in_each):
    first = in_each.borrow("first")
    assert result(first, "echo", a=1) == {"a": 1}
    ready, there = first.ready(), in_each.traces()
    first.release()
    assert in_each.traces() == there
    second = in_each.borrow("second", timeout=30.0)
    assert result(second, "echo", a=2) == {"a": 2}
    assert second.ready() == ready
    assert in_each.traces() == there
    second.release()


def test_runs_at_once_have_workers_of_their_own(runs):
    first, second = runs.borrow("first"), runs.borrow("second")
    assert first.job.folder != second.job.folder
    assert [result(each, "echo", a=1) for each in (first, second)] == [{"a": 1}] * 2
    first.release()
    second.release()
    assert [worker.is_lent for worker in warm.listed()] == [False, False]


def test_a_keeper_of_its_own_lends_to_those_that_name_it_and_ends_when_it_is_dismissed(in_each):
    """The models of a batch share workers with one another, and with nobody else."""
    job = replace(in_each.probe.job, run=f"{in_each.probe.job.run}-batch", keep_warm=60.0, keeper="batch-1")
    folders_of = []
    for keeper_ in ("batch-1", "batch-1", "batch-2", ""):
        log = job.log.with_name(f"{len(folders_of)}.log")
        worker = warm.borrow(in_each.probe.engine.name, replace(job, keeper=keeper_, log=log))
        assert result(worker, "echo", a=1) == {"a": 1}
        folders_of.append(worker.job.folder)
        worker.release()
    assert folders_of[0] == folders_of[1]
    assert len(set(folders_of)) == 3
    assert len(keepers()) == 3
    warm.dismiss("batch-1")
    until(lambda: len(keepers()) == 2, SOON)
    assert not folders_of[0].exists()
    warm.dismiss("batch-2")
    assert len(warm.listed()) == 1


def test_what_serves_once_is_started_ahead_and_has_never_served(in_each):
    """Exports of a batch: a sandbox each, whose imports are done before its model comes."""
    job = replace(in_each.probe.job, run=f"{in_each.probe.job.run}-once", keep_warm=60.0, keeper="batch-3", once=True)
    # A keeper of nothing ends.
    there = warm.borrow(in_each.probe.engine.name, replace(job, once=False))
    there.ready()
    there.release()
    served = []
    for number in range(4):
        log = job.log.with_name(f"once-{number}.log")
        worker = warm.borrow(in_each.probe.engine.name, replace(job, log=log))
        assert (
            result(worker, "keep", paths=[f"{'/tmp' if in_each.probe.engine.isolates else worker.job.scratch}/mark"])
            == {}
        )
        served.append(worker.job.folder)
        worker.stop()
        # Its files can still be taken, and nothing runs there that may change them.
        assert worker.job.outputs.exists()
        worker.release()
        if number:
            until(lambda: [each.is_lent for each in _of("batch-3")] == [False] * 2, 3 * SOON)
    assert len({*served}) == 4
    warm.dismiss("batch-3")
    until(lambda: not in_each.traces(), SOON)


def _of(name):
    """The workers of a keeper of its own."""
    found = []
    for connection in wire.known(name):
        with connection:
            connection.send(wire.LIST)
            found += connection.recv()
    return found


def test_other_limits_are_another_worker(runs):
    first = runs.borrow("first")
    first.release()
    for changed in ({"memory": 300 * 1024**2}, {"disk": 2**30}, {"processes": 60}):
        assert runs.borrow("second", **changed).job.folder != first.job.folder


def test_nothing_of_a_run_is_there_for_the_next(in_each):
    """A file that is converted does not see those of the one before: neither what was laid, nor what was written."""
    first = in_each.borrow("first")
    (first.job.inputs / "a").mkdir()
    (first.job.inputs / "a" / "model").write_text("secret")
    isolated = in_each.probe.engine.isolates
    inside = {
        "in": "/in/a/model" if isolated else str(first.job.inputs / "a" / "model"),
        "out": "/out/made" if isolated else str(first.job.outputs / "made"),
        "tmp": "/tmp/left" if isolated else str(first.job.scratch / "left"),
    }
    made = {"inputs": {"a": "a/model"}, "outputs": {"a": "b/deep/model"}}
    assert first.request(Request(id="1", operation="copy", **made)).error is None
    assert result(first, "keep", paths=[inside["out"], inside["tmp"]]) == {}
    assert all(result(first, "exists", paths=[*inside.values()]).values())
    first.release()
    second = in_each.borrow("second")
    assert second.job.folder == first.job.folder
    assert not any(result(second, "exists", paths=[*inside.values()]).values())
    assert [*second.job.inputs.iterdir(), *second.job.outputs.iterdir()] == []
    second.release()


def test_what_it_prints_goes_to_the_log_of_the_run_that_it_serves(runs):
    first = runs.borrow("first")
    ask(first, "noise")
    first.release()
    second = runs.borrow("second")
    with pytest.raises(StageCrashError, match=r"exited \(41\)") as caught:
        ask(second, "leave", status=41)
    assert caught.value.message.endswith("its last output:\n  last words")
    assert "said to standard error" in first.job.log.read_text()
    assert second.job.log.read_text() == "last words\n"
    second.release()


def test_a_refusal_is_no_reason_to_end_it(runs):
    first = runs.borrow("first")
    there = runs.traces()
    assert ask(first, "refuse", kind="model").error.kind == "model"
    first.release()
    assert runs.traces() == there


@pytest.mark.parametrize(
    ("operation", "parameters", "error"),
    [
        ("fail", {}, None),
        ("leave", {"status": 3}, StageCrashError),
        ("hang", {}, StageTimeoutError),
        ("speak", {"line": "{}\n"}, StageCrashError),
        ("abort_out_of_memory", {}, OutOfMemoryError),
    ],
)
def test_what_went_wrong_serves_nobody_any_more(runs, operation, parameters, error):
    first = runs.borrow("first", timeout=2.0)
    with pytest.raises(error) if error else contextlib.nullcontext():
        ask(first, operation, **parameters)
    first.release()
    assert runs.traces() == []
    second = runs.borrow("second")
    assert result(second, "echo") == {}
    second.release()


def test_what_is_stopped_serves_nobody_any_more(runs):
    first = runs.borrow("first")
    first.ready()
    first.stop()
    first.stop()
    assert runs.traces() == []


def test_an_interrupt_ends_what_is_half_done(in_each):
    first = in_each.borrow("first")
    first.ready()
    started = time.monotonic()
    threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        ask(first, "hang")
    first.release()
    assert time.monotonic() - started < SOON
    assert in_each.traces() == []


def test_another_thread_can_be_done_with_it(runs):
    first = runs.borrow("first")
    first.ready()
    timer = threading.Timer(0.3, first.release)
    timer.start()
    with pytest.raises(StageCrashError):
        ask(first, "hang")
    timer.join()
    assert runs.traces() == []


_BORROWS = """
import pickle, sys
from pinlite.engine import warm
from pinlite.contract import Request

worker = warm.borrow(*pickle.load(sys.stdin.buffer))
worker.ready()
print("ready", flush=True)
worker.request(Request(id="1", operation="hang"))
"""


def test_the_worker_of_a_run_that_is_killed_is_ended(runs):
    import pickle  # noqa: PLC0415  # for this test alone

    job = replace(runs.probe.job, keep_warm=60.0)
    with subprocess.Popen([sys.executable, "-c", _BORROWS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        run.stdin.write(pickle.dumps((runs.probe.engine.name, job)))
        run.stdin.close()
        assert run.stdout.readline() == b"ready\n"
        assert runs.traces()
        run.kill()
    until(lambda: not runs.traces(), SOON)


def test_it_ends_by_itself(in_each):
    short = replace(in_each, keep_warm=0.5)
    first = short.borrow("first")
    first.ready()
    first.release()
    assert in_each.traces()
    until(lambda: not in_each.traces(), SOON)
    until(lambda: not keepers(), SOON)


def test_doctor_lists_it_and_clean_ends_it_at_once(runs, monkeypatch):
    first = runs.borrow("first")
    result(first, "echo")
    first.release()
    (finding,) = [finding for finding in diagnose().findings if finding.subject == "warm worker"]
    assert re.fullmatch(r"probe of probe by venv, \d+ s old, waits (60|5\d) s more, took \d+ MB", finding.text)
    monkeypatch.setattr(leftovers, "present", lambda: ())
    assert "warm worker probe of probe" in [*leftovers.clean()]
    assert runs.traces() == []


def test_what_serves_a_run_is_ended_with_it(runs):
    first, second = runs.borrow("first"), runs.borrow("second")
    for each in (first, second):
        each.ready()
    first.release()
    assert [(worker.program, worker.is_lent) for worker in warm.listed()] == [("probe", False), ("probe", True)]
    assert [worker.program for worker in warm.end()] == ["probe"]
    # What serves a run goes on, and is not kept.
    assert result(second, "echo") == {}
    assert [worker.is_lent for worker in warm.listed()] == [True]
    second.release()
    assert runs.traces() == []


def test_what_does_not_rest_is_ended(runs):
    first = runs.borrow("first")
    assert result(first, "speak_later", line="unasked\n", seconds=0.5) == {}
    first.release()
    until(lambda: not runs.traces(), SOON)


def test_what_a_killed_keeper_left_is_found_and_another_one_comes(in_each):
    first = in_each.borrow("first")
    first.ready()
    (keeping,) = keepers()
    left = in_each.traces()
    os.kill(keeping, signal.SIGKILL)
    with pytest.raises(StageCrashError, match="is gone"):
        ask(first, "echo")
    first.release()
    assert sockets()
    # Its connections end before it listens no more.
    until(lambda: warm.listed() == [] and not sockets(), SOON)
    second = in_each.borrow("second")
    assert result(second, "echo") == {}
    # In the venv engine its end is that of its pipes, too.
    for leftover in in_each.probe.engine.leftovers():
        if leftover.run.startswith(in_each.probe.job.run):
            in_each.probe.engine.remove(leftover)
    until(lambda: not set(left) & set(in_each.traces()), SOON)
    second.release()
    for folder in Path(os.environ.get("TMPDIR", "/tmp")).glob(f"pinlite-*-{keeping}.*"):
        subprocess.run(["rm", "-r", folder], check=True)


@pytest.fixture
def here(runs, tmp_path, monkeypatch):
    """The keeper in this process."""
    path = folders.cache() / "warm" / "here.socket"
    path.parent.mkdir(mode=0o700, parents=True)
    monkeypatch.setattr(wire, "_likeness", lambda: "here")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))
        listener.listen()
        here = keeper.Keeper(tmp_path / "keeper")
        serving = threading.Thread(target=here.serve, args=(listener, path))
        serving.start()
        yield runs
        warm.end()
        serving.join()
    assert [*(tmp_path / "keeper").iterdir()] == []


def test_what_took_much_memory_is_not_kept(here, monkeypatch):
    monkeypatch.setattr(keeper, "MOST_MEMORY", 2**20)
    first = here.borrow("first")
    assert result(first, "echo") == {}
    first.release()
    assert here.traces() == []


def test_no_more_are_kept_than_can_run_at_once(here, monkeypatch):
    monkeypatch.setattr(keeper, "MOST_ALIKE", 1)
    both = [here.borrow("first"), here.borrow("second")]
    for each in both:
        each.ready()
    for each in both:
        each.release()
    assert len(warm.listed()) == 1


def test_another_user_is_not_heard(runs, tmp_path):
    if os.getuid():
        pytest.skip("only root can be another user")
    runs.borrow("first").release()
    (path,) = sockets()
    # As if neither the folders nor the socket had kept it out.
    path.chmod(0o666)
    for folder in (path.parent, *path.parent.parents):
        if folder.is_relative_to(tmp_path.parents[1]):
            folder.chmod(0o755)
    asks = (
        "import os, socket, sys, pickle, multiprocessing.connection as c; sock = socket.socket(socket.AF_UNIX);"
        "os.chdir(os.path.dirname(sys.argv[1]));"
        "os.setgid(65534); os.setuid(65534);"
        "sock.connect(os.path.basename(sys.argv[1]));"
        "line = c.Connection(sock.detach());"
        "line.send('list');"
        "print(line.recv())"
    )
    done = subprocess.run([sys.executable, "-c", asks, path], capture_output=True, text=True, check=False)
    path.parent.chmod(0o700)
    assert done.returncode != 0
    assert done.stdout == ""
    assert any(error in done.stderr for error in ("EOFError", "BrokenPipeError", "ConnectionResetError"))
    assert len(warm.listed()) == 1


def test_a_folder_that_others_see_has_no_keeper(runs):
    (folders.cache() / "warm").mkdir(parents=True, mode=0o755)
    (folders.cache() / "warm").chmod(0o755)
    with pytest.raises(PermissionError, match="is not this user's alone"):
        runs.borrow("first")


def test_what_can_not_start_is_told(runs):
    job = replace(runs.probe.job, keep_warm=60.0, program="broken")
    worker = warm.borrow(runs.probe.engine.name, job)
    with pytest.raises(PinliteError, match="ImportError: on purpose"):
        worker.ready()
    worker.release()
    assert runs.traces() == []
