"""What every engine does alike: each test runs in each of them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from held import until
from probes import BASE, FOLDER, ask, recipe, result

from pinlite.contract import Request
from pinlite.engine import process
from pinlite.engine.written import remove
from pinlite.errors import OutOfDiskError, OutOfMemoryError, StageCrashError, StageTimeoutError
from pinlite.events import BuildFinished, BuildProgress, BuildStarted, ignore

SOON = 5.0


def test_what_is_there_is_not_made_again(probe):
    events = []
    started = time.monotonic()
    assert probe.engine.ensure([recipe()], events.append) == {"probe": probe.image}
    assert time.monotonic() - started < 1
    assert not any(isinstance(event, BuildStarted) for event in events)
    assert probe.engine.find([recipe()]) == {"probe": probe.image}
    assert probe.image in probe.engine.images()


def test_a_changed_program_is_another_image(probe):
    changed = recipe(probe_py=(FOLDER / "probe.py").read_bytes() + b"# changed\n")
    assert probe.engine.find([changed]) == {}
    events = []
    image = probe.engine.ensure([recipe(), changed], events.append)["probe"]
    try:
        assert image.identity != probe.image.identity
        kinds = [type(event) for event in events if isinstance(event, BuildStarted | BuildFinished)]
        assert kinds == [BuildStarted, BuildFinished]
        progress = [(event.step, event.steps) for event in events if isinstance(event, BuildProgress) and event.steps]
        assert progress == sorted(progress)
        assert progress[-1][0] == progress[-1][1]
        assert {image, probe.image} <= set(probe.engine.images())
    finally:
        probe.engine.remove_image(image)
    assert probe.engine.find([changed]) == {}
    with probe.start() as worker:
        worker.ready()


def test_an_image_on_another_runs_its_programs(probe):
    own = recipe("probe-with", Dockerfile=b"ARG BASE\nFROM ${BASE}\nCOPY programs /opt/pinlite/\n")
    child = replace(own, parent=recipe())
    images = probe.engine.ensure([child], ignore)
    try:
        assert list(images) == ["probe-with"]
        job = type(probe.job)(**vars(probe.job) | {"image": images["probe-with"]})
        with probe.engine.start(job) as worker:
            assert result(worker, "echo", a=1) == {"a": 1}
    finally:
        probe.engine.remove_image(images["probe-with"])
    assert probe.image in probe.engine.images()


def test_ready_tells_the_versions(probe):
    with probe.start() as worker:
        ready = worker.ready()
        assert ready is worker.ready()
    assert ready.contract == 1
    assert list(ready.versions) == ["python"]
    assert ready.versions["python"].startswith(f"{BASE.python}.")


def test_requests_are_answered_in_one_worker(probe):
    with probe.start() as worker:
        for number in range(3):
            response = worker.request(
                Request(id=str(number), operation="echo", parameters={"number": number, "é": "ü"})
            )
            assert (response.id, response.result) == (str(number), {"number": number, "é": "ü"})
        assert response.seconds < SOON
        assert 2**20 < response.peak_memory < 2**30


def test_a_large_message_passes_both_ways(probe):
    with probe.start() as worker:
        text = "x" * 2**20
        assert result(worker, "echo", text=text) == {"text": text}


def test_files_go_in_and_out(probe):
    folder = probe.job.inputs / "a"
    folder.mkdir(parents=True)
    (folder / "in.bin").write_bytes(b"\0\xff")
    with probe.start() as worker:
        request = Request(id="a", operation="copy", inputs={"file": "a/in.bin"}, outputs={"file": "a/out.bin"})
        assert worker.request(request).error is None
        assert (probe.job.outputs / "a" / "out.bin").read_bytes() == b"\0\xff"


def test_what_it_prints_is_in_the_log_and_in_no_message(probe):
    with probe.start() as worker:
        ask(worker, "noise")
        assert result(worker, "echo", still="here") == {"still": "here"}
    for line in (
        "printed",
        "said to standard error",
        "written to descriptor 1",
        "put by C",
        "echoed by a child",
    ):
        assert line in probe.log().splitlines()


def test_no_word_is_lost_before_a_sudden_end(probe):
    with probe.start() as worker, pytest.raises(StageCrashError, match=r"exited \(7\)") as caught:
        ask(worker, "noisy_end")
    assert probe.log().splitlines() == [f"line {number}" for number in range(20000)]
    assert caught.value.message.endswith("\n  line 19999")
    assert len(caught.value.message.splitlines()) == 13


@pytest.mark.parametrize("kind", ["usage", "model"])
def test_a_refusal_is_an_answer(probe, kind):
    with probe.start() as worker:
        failure = ask(worker, "refuse", kind=kind).error
        assert (failure.kind, failure.message, failure.hint) == (kind, "no such thing", "take another")
        assert result(worker, "echo") == {}
    assert probe.log() == ""


def test_an_exception_is_an_answer_with_its_traceback_in_the_log(probe):
    with probe.start() as worker:
        failure = ask(worker, "fail").error
        assert (failure.kind, failure.message) == ("internal", "RuntimeError: on purpose")
        assert result(worker, "echo") == {}
    assert "Traceback" in probe.log()
    assert "probe.py" in probe.log()


def test_an_unknown_operation_is_an_answer(probe):
    with probe.start() as worker:
        assert ask(worker, "dance").error.kind == "internal"


def test_an_exit_is_a_crash(probe):
    with probe.start() as worker:
        with pytest.raises(StageCrashError, match=r"the probe program exited \(41\)") as caught:
            ask(worker, "leave", status=41)
        assert caught.value.message.endswith("\n  last words")
        assert str(probe.job.log) in caught.value.hint
        with pytest.raises(StageCrashError, match=r"exited \(41\)"):
            ask(worker, "echo")


def test_an_exit_status_can_be_any(probe):
    with probe.start() as worker, pytest.raises(StageCrashError, match=r"exited \(255\)"):
        ask(worker, "leave", status=255)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_signal_is_a_crash(probe, number):
    with probe.start() as worker, pytest.raises(StageCrashError, match=f"signal {number.value}") as caught:
        ask(worker, "kill", signal=number)
    assert type(caught.value) is StageCrashError


def test_a_program_that_can_not_be_imported_is_a_crash(probe):
    with probe.start("broken") as worker, pytest.raises(StageCrashError, match="ImportError: on purpose"):
        worker.ready()


def test_a_time_out_ends_the_worker(probe):
    with probe.start(timeout=2.0) as worker:
        worker.ready()
        started = time.monotonic()
        with pytest.raises(StageTimeoutError, match=r"no answer within 2 s(.|\n)*hanging") as caught:
            ask(worker, "hang")
        assert 2 <= time.monotonic() - started < 2 + SOON
        assert "--timeout" in caught.value.hint
        assert probe.traces() == []
        with pytest.raises(StageCrashError):
            ask(worker, "echo")


def test_a_program_that_closed_everything_times_out(probe):
    with probe.start(timeout=2.0) as worker, pytest.raises(StageTimeoutError):
        ask(worker, "close")


def test_memory_has_a_limit(probe):
    with probe.start() as worker, pytest.raises(OutOfMemoryError, match=r"limit of 0\.25 GiB") as caught:
        ask(worker, "eat")
    assert "--memory" in caught.value.hint


def test_memory_that_is_out_for_a_framework_is_told_from_its_last_words(probe):
    with probe.start() as worker, pytest.raises(OutOfMemoryError):
        ask(worker, "abort_out_of_memory")


def written(worker, operation, **parameters):
    return worker.request(Request(id="1", operation=operation, parameters=parameters, outputs={"file": "1/file"}))


def test_what_it_writes_has_a_limit(probe):
    with probe.start(disk=8 * 2**20) as worker:
        worker.ready()
        with pytest.raises(OutOfDiskError, match=r"more than its limit of 0\.0078 GiB") as caught:
            written(worker, "overfill")
        assert "--disk" in caught.value.hint
        assert probe.traces() == []
    if probe.engine.shares_disk:
        assert (probe.job.outputs / "1" / "file").stat().st_size == 8 * 2**20
    else:
        assert not (probe.job.outputs / "1" / "file").exists()


def test_a_sparse_file_counts_as_what_it_claims_to_hold(probe):
    with probe.start(disk=2**30) as worker:
        found = written(worker, "sparse", size=2**29, stay=False).result
        assert found == {"error": "OSError: [Errno 27] File too large"}
        with pytest.raises(OutOfDiskError, match="more than its limit of 1 GiB"):
            written(worker, "sparse", size=2**30, stay=True)


@pytest.mark.parametrize(("deep", "what"), [(False, "more than 10000 files"), (True, "folders more than 16 deep")])
def test_files_without_end_end_the_worker(probe, deep, what):
    """Deeper than a path can be long, and than Python can recurse."""
    with probe.start() as worker:
        with pytest.raises(OutOfDiskError, match=what):
            written(worker, "scatter", most=10_001, deep=deep)
        assert probe.traces() == []
    remove(probe.job.outputs)
    assert not probe.job.outputs.exists()


def test_a_log_has_an_end(probe, monkeypatch):
    monkeypatch.setattr(process, "LONGEST_LOG", 2**20)
    with probe.start() as worker:
        ask(worker, "chatter", megabytes=3)
        with pytest.raises(StageCrashError) as caught:
            ask(worker, "leave", status=1)
    log = probe.log()
    assert 2**20 < len(log) < 2**20 + 100
    assert log.endswith("the log ends here, at 1 MiB; the program prints on\n")
    assert caught.value.message.endswith("\n  last words\n  last words")


def test_another_thread_can_stop_it(probe):
    with probe.start() as worker:
        worker.ready()
        timer = threading.Timer(0.3, worker.stop)
        started = time.monotonic()
        timer.start()
        with pytest.raises(StageCrashError):
            ask(worker, "hang")
        timer.join()
        assert time.monotonic() - started < SOON
        assert probe.traces() == []


def test_an_interrupt_ends_the_worker(probe):
    started = time.monotonic()

    def interrupted():
        with probe.start() as worker:
            worker.ready()
            threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
            ask(worker, "hang")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < SOON
    assert probe.traces() == []


def test_it_can_be_stopped_twice_and_at_once(probe):
    worker = probe.start()
    stops = [threading.Thread(target=worker.stop) for _ in range(4)]
    for stop in stops:
        stop.start()
    worker.stop()
    assert probe.traces() == []
    for stop in stops:
        stop.join()
    worker.stop()
    # It may have been ready before.
    with pytest.raises(StageCrashError):
        ask(worker, "echo")


def test_workers_start_and_stop_in_parallel(probe):
    errors = []

    def use(number: int) -> None:
        job = type(probe.job)(
            **vars(probe.job)
            | {"folder": probe.job.folder / str(number), "log": probe.job.log.with_suffix(f".{number}")}
        )
        try:
            with probe.engine.start(job) as worker:
                assert result(worker, "echo", number=number) == {"number": number}
        except BaseException as error:  # noqa: BLE001  # the test shows it
            errors.append(error)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.parametrize(
    ("line", "times", "what"),
    [
        ("garbage\n", 1, "garbage"),
        ("{}\n", 1, "error"),
        ('{"type": "ready", "contract": 1, "versions": {}}\n', 1, "belongs to no request"),
        ('{"type": "response", "id": "9", "result": {}, "seconds": 1, "peak_memory": 1}\n', 1, "belongs to no request"),
        ('{"type": "response", "id": "1", "seconds": 1, "peak_memory": 1}\n', 1, "either a result or an error"),
        ('{"type": "response", "id": "1", "result": {}, "seconds": -1, "peak_memory": 1}\n', 1, "error"),
        ("x", 9 * 2**20, "without an end"),
        ("\xe9\n", 1, "error"),
    ],
)
def test_a_falsehood_is_a_crash(probe, line, times, what):
    with probe.start() as worker:
        with pytest.raises(StageCrashError, match=f"broke the contract: .*{what}") as caught:
            ask(worker, "speak", line=line, times=times)
        assert str(probe.job.log) in caught.value.hint
        assert len(caught.value.message) < 500
        assert probe.traces() == []
        with pytest.raises(StageCrashError):
            ask(worker, "echo")


def test_a_flood_of_answers_is_a_crash(probe):
    answer = '{"type": "response", "id": "1", "result": {}, "seconds": 1, "peak_memory": 1}\n'
    with probe.start() as worker:
        ask(worker, "speak", line=answer, times=100000)
        # The second in the flood may still be taken for an answer: it came when nothing was known of the third.
        with contextlib.suppress(StageCrashError):
            ask(worker, "echo")
        with pytest.raises(StageCrashError, match="broke the contract"):
            ask(worker, "echo")


def test_another_version_of_the_contract_is_a_crash(probe):
    with probe.start("stranger") as worker, pytest.raises(StageCrashError, match="broke the contract"):
        worker.ready()


def test_children_end_with_their_worker(probe):
    with probe.start() as worker:
        ask(worker, "leave_children")
        worker.stop()
        assert probe.traces() == []


def test_children_that_hold_the_pipes_do_not_hide_a_crash(probe):
    with probe.start() as worker:
        started = time.monotonic()
        with pytest.raises(StageCrashError, match=r"exited \(3\)"):
            ask(worker, "leave_children", end=True)
        assert time.monotonic() - started < SOON


_ABANDONED = """
import sys
from pathlib import Path
from pinlite.contract import Request
from pinlite.engine import Image, Job, choose
from pinlite.schema.recipe import Limits

engine, name, identity, reference, run, folder = sys.argv[1:]
job = Job(Image(name, identity, reference), "probe", Path(folder, "job"), Path(folder, "log"), run, Limits())
worker = choose(engine).start(job)
worker.ready()
print("ready", flush=True)
worker.request(Request(id="1", operation="hang"))
"""


def test_what_a_killed_run_left_is_found_and_removed(probe, tmp_path):
    image = probe.image
    run = f"{probe.job.run}-abandoned"
    command = [sys.executable, "-c", _ABANDONED, probe.engine.name, image.name, image.identity, image.reference, run]
    with probe.start() as worker, subprocess.Popen([*command, tmp_path / "other"], stdout=subprocess.PIPE) as owner:
        worker.ready()
        try:
            assert owner.stdout.readline() == b"ready\n"
            time.sleep(0.2)
            assert not any(leftover.run.startswith(probe.job.run) for leftover in probe.engine.leftovers())
        finally:
            owner.kill()
            # Not waited for yet: a zombie owns nothing.
        try:
            until(lambda: any(leftover.run == run for leftover in probe.engine.leftovers()))
            found = [leftover for leftover in probe.engine.leftovers() if leftover.run.startswith(probe.job.run)]
            assert {leftover.run for leftover in found} == {run}
        finally:
            for leftover in probe.engine.leftovers():
                if leftover.run == run:
                    probe.engine.remove(leftover)
                    probe.engine.remove(leftover)
        until(lambda: not any(leftover.run == run for leftover in probe.engine.leftovers()))
        assert result(worker, "echo") == {}


def test_nothing_of_the_users_environment_is_seen(probe, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LD_PRELOAD", "")
    with probe.start() as worker:
        seen = result(worker, "status")["environment"]
    assert not {"SECRET_TOKEN", "LD_PRELOAD", "PINLITE_CACHE", "VIRTUAL_ENV"} & set(seen)
    assert seen["HOME"] != os.environ["HOME"]
    assert seen["PYTHONPATH"] != "/nowhere"
    assert (seen["PYTHONHASHSEED"], seen["CUDA_VISIBLE_DEVICES"], seen["LANG"]) == ("0", "-1", "C.UTF-8")
