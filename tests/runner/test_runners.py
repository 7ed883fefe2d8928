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


class TestLocalWithWarmWorkers(RunnerConformance):
    """Those of one test serve the next, too."""

    @pytest.fixture(scope="class", autouse=True)
    def _end(self):
        yield
        assert {worker.is_lent for worker in warm.listed()} == {False}
        warm.end()

    @pytest.fixture
    def runner(self, venv):
        return LocalRunner(lambda: venv, RECIPES, LIMITS, keep_warm=60.0)

    def test_a_run_has_the_worker_of_the_run_before_and_loads_nothing_of_its_files(self, venv, tmp_path):
        def run(text):
            (tmp_path / "given").write_text(text)
            with LocalRunner(lambda: venv, RECIPES, LIMITS, keep_warm=60.0) as runner:
                number = runner.run(Action(stage("number"), Number, {}, {})).result
                path = runner.run(Action(stage("where"), Where, {}, {}, hashed(a=tmp_path / "given"))).result
                return number, path

        (first, here), (second, there) = run("first"), run("second")
        assert first == second
        assert here != there

    def test_what_runs_user_code_is_never_kept(self, entered):
        own = [entered.run(Action(stage("number", f"own-{i}", runs_user_code=True), Number, {}, {})).result for i in (1, 2)]
        assert own[0] != own[1]
        assert warm.listed() == []


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
