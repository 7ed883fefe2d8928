"""A runner whose threads are at work, or whose images are not there yet, as others are done with it."""

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
from recipes import from_pytorch

from pinlite.runner import CachingRunner, LocalRunner
from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import Limits
from pinlite.stages import convert
from pinlite.stages.stage import Action, Stage
from pinlite.store import record
from pinlite.store.files import Store

STAGE = Stage("step", image="onnx", program="onnx_check.check", operation="check")
RECIPES = {"onnx": next(recipe for recipe in from_pytorch() if recipe.name.startswith("onnx-1"))}
WAIT = 5.0


class Result(Frozen):
    count: int


ACTION = Action(STAGE, Result, {}, {"model": "model.onnx"}, {})


@pytest.fixture
def local(engine):
    def program(call):
        call.outputs["model"].write_text("model")
        return {"count": 3}

    engine.programs["step"] = program
    return LocalRunner(lambda: engine, RECIPES, Limits())


def test_a_stage_whose_image_no_action_has_needed_can_be_released(local):
    """Its results came from the store."""
    with local as runner:
        runner.run(ACTION)
        runner.release(convert.STAGE)


def test_nothing_starts_once_the_runner_is_left(local, engine):
    with local as runner:
        pass
    with pytest.raises(CancelledError):
        runner.run(ACTION)
    assert (engine.running, engine.requests) == ([], [])


def test_what_starts_while_the_runner_is_left_is_ended(local, engine, monkeypatch):
    ensure, starts, left = engine.ensure, threading.Event(), threading.Event()

    def ensuring(*given):
        starts.set()
        left.wait(WAIT)
        return ensure(*given)

    monkeypatch.setattr(engine, "ensure", ensuring)
    with ThreadPoolExecutor() as threads:
        with local as runner:
            running = threads.submit(runner.run, ACTION)
            starts.wait(WAIT)
        left.set()
        with pytest.raises(CancelledError):
            running.result()
    assert (engine.running, engine.requests) == ([], [])


def test_a_result_that_is_being_taken_from_the_store_keeps_its_place(local, temporary, monkeypatch):
    with CachingRunner(local, Store(), RECIPES) as runner:
        runner.run(ACTION)
    restore, takes, left = record.restore, threading.Event(), threading.Event()

    def restoring(*given):
        takes.set()
        left.wait(0.2)
        return restore(*given)

    monkeypatch.setattr(record, "restore", restoring)
    with ThreadPoolExecutor() as threads:
        with CachingRunner(local, Store(), RECIPES) as runner:
            running = threads.submit(runner.run, ACTION)
            takes.wait(WAIT)
        assert running.done()
        assert running.result().source == "hit"
        with pytest.raises(CancelledError):
            runner.run(ACTION)
    assert not [*temporary.iterdir()]
