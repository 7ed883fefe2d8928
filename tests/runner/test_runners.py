"""The runners that there are, each held to what all of them do."""

import pytest
from runner_conformance import LIMITS, RECIPE, ROLE, RunnerConformance, echo

from pinlite.runner import CachingRunner, LocalRunner
from pinlite.store.files import Store

RECIPES = {ROLE: RECIPE}


def local(engine) -> LocalRunner:
    return LocalRunner(lambda: engine, RECIPES, LIMITS)


class TestLocalOnDocker(RunnerConformance):
    @pytest.fixture
    def runner(self, docker, run_id):
        yield local(docker)
        run_id(docker)


class TestLocalOnVenv(RunnerConformance):
    @pytest.fixture
    def runner(self, venv, run_id):
        yield local(venv)
        run_id(venv)


class TestCaching(RunnerConformance):
    @pytest.fixture
    def runner(self, venv, run_id, tmp_path, monkeypatch):
        monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "cache"))
        venv.ensure([RECIPE], lambda _: None)
        yield CachingRunner(local(venv), Store(), RECIPES)
        run_id(venv)

    def test_what_was_made_before_is_found(self, entered):
        first, again = entered.run(echo(5)), entered.run(echo(5))
        assert (first.source, again.source) == ("ran", "hit")
        assert again.result == first.result
        assert again.record == first.record


def test_an_engine_is_chosen_when_something_has_to_run(venv, tmp_path, monkeypatch):
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "cache"))
    store = Store()
    with CachingRunner(local(venv), store, RECIPES) as runner:
        runner.run(echo(6))

    def never():
        raise AssertionError("nothing has to run")

    with CachingRunner(LocalRunner(never, RECIPES, LIMITS), store, RECIPES) as runner:
        assert runner.run(echo(6)).source == "hit"
