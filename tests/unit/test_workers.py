import contextlib
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from recipes import ensured

from pinlite import toolchain
from pinlite.errors import StageCrashError
from pinlite.runner.workers import Workers
from pinlite.schema.recipe import Limits
from pinlite.stages import calibrate, check, convert, export, infer


@pytest.fixture
def made(engine):
    return lambda: Workers(engine.start, ensured(engine), Limits(memory=1), run=uuid.uuid4().hex[:12])


def test_stages_of_one_image_and_program_share_a_worker(engine, made):
    """Whatever they call the image: its own name, or what it serves."""
    stages = {runtime.image: infer.stage(runtime) for runtime in toolchain.load().runtimes}
    with made() as workers:
        workers.start([convert.STAGE, *stages.values()])
        first = workers.get(convert.STAGE)
        assert workers.get(stages["tensorflow-2.4.1"]) is first
        assert workers.get(stages["tflite-2.14.0"]) is not workers.get(stages["litert-2.3.0"])
        assert sorted((worker.job.image.name, worker.job.program) for worker in engine.running) == [
            ("litert-2.3.0", "tflite_run.infer"),
            ("tensorflow-2.4.1", "tflite_convert.convert"),
            ("tflite-2.14.0", "tflite_run.infer"),
        ]
        job = first.job
        assert (job.image.name, job.limits.memory, job.run) == ("tensorflow-2.4.1", 1, workers.run)
        assert job.folder.is_relative_to(workers.folder)
        assert job.log.is_relative_to(workers.logs)
    assert engine.running == []


def test_workers_that_run_user_code_are_never_kept(engine):
    limits = Limits()
    with Workers(engine.start, ensured(engine), limits, run="a-run", keep_warm=60.0) as workers:
        jobs = [workers.get(stage).job for stage in (check.STAGE, export.STAGE, calibrate.STAGE, convert.STAGE)]
        assert [job.keep_warm for job in jobs] == [60.0, 0.0, 0.0, 60.0]
        # What stays knows files by their names.
        assert [workers.request_name(convert.STAGE) for _ in range(2)] == ["a-run-convert", "a-run-convert-1"]


def test_a_worker_that_is_released_while_the_run_ends_is_ended_once(engine, made):
    """A stage's release is another thread's: both find the worker running, and end it."""
    both = threading.Barrier(2, timeout=2)

    class Running(list):
        def __contains__(self, worker):
            found = super().__contains__(worker)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait()
            return found

    engine.running = Running()
    with ThreadPoolExecutor() as threads:
        with made() as workers:
            worker = workers.get(check.STAGE)
            released = threads.submit(worker.release)
        released.result()
    assert [*engine.running] == []


def test_leaving_ends_everything_and_keeps_only_the_logs(engine, made, temporary):
    workers = made()

    def interrupted():
        with workers:
            workers.start([export.STAGE, check.STAGE])
            workers.get(check.STAGE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert engine.running == []
    assert list(temporary.iterdir()) == []
    assert workers.logs.is_dir()


def test_a_worker_still_starting_when_the_run_ends_is_ended_too(engine, made, monkeypatch):
    starting, begun, may_go_on = engine.start, threading.Event(), threading.Event()

    def slow(job):
        begun.set()
        assert may_go_on.wait(10)
        return starting(job)

    monkeypatch.setattr(engine, "start", slow)
    threading.Timer(0.1, may_go_on.set).start()
    with made() as workers:
        workers.start([export.STAGE, check.STAGE])
        assert begun.wait(10)
    assert engine.running == []


def test_a_worker_whose_start_is_interrupted_is_ended_too(engine, made, monkeypatch):
    submit = ThreadPoolExecutor.submit

    def interrupted(executor, function, job):
        submit(executor, function, job).result()
        raise KeyboardInterrupt

    def run():
        with made() as workers, monkeypatch.context() as patched:
            patched.setattr(ThreadPoolExecutor, "submit", interrupted)
            workers.start([export.STAGE])

    with pytest.raises(KeyboardInterrupt):
        run()
    assert engine.running == []


def test_a_worker_that_did_not_start_is_told_when_it_is_asked_for(engine, made, monkeypatch, temporary):
    def fail(_):
        raise StageCrashError("no start")

    monkeypatch.setattr(engine, "start", fail)
    with made() as workers:
        workers.start([check.STAGE])
        with pytest.raises(StageCrashError, match="no start"):
            workers.get(check.STAGE)
    assert list(temporary.iterdir()) == []


def test_runs_have_folders_of_their_own(made):
    with made() as first, made() as second:
        assert first.run != second.run
        assert first.folder != second.folder
        assert first.logs != second.logs
