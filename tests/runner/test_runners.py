"""The runners that there are, each held to what all of them do."""

import pytest
from runner_conformance import LIMITS, RECIPE, ROLE, RunnerConformance, echo, stage

from pinlite.engine import warm
from pinlite.events import Notice
from pinlite.runner import CachingRunner, LocalRunner
from pinlite.schema.frozen import Frozen
from pinlite.stages.stage import Action, hashed
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


@pytest.mark.parametrize("engine", ["docker", "venv"])
def test_a_result_says_whether_its_worker_was_isolated(request, engine):
    chosen = request.getfixturevalue(engine)
    with local(chosen) as runner:
        done = runner.run(echo(13))
    assert (done.isolated, done.shared) == (chosen.isolates, "run")


def test_what_workers_of_a_batch_gave_is_told(venv):
    with LocalRunner(lambda: venv, RECIPES, LIMITS, shared="batch") as runner:
        assert runner.run(echo(14)).shared == "batch"
        assert runner.run(echo(14, name="own", runs_user_code=True)).shared == "run"


class Identity(Frozen):
    process: int
    inputs: dict[str, str]


def identity(name="identify", *, runs_user_code=False, **files) -> Action[Identity]:
    return Action(stage("identify", name, runs_user_code=runs_user_code), Identity, {}, {}, hashed(**files))


class TestLocalWithWarmWorkers(RunnerConformance):
    """Those of one test serve the next, too."""

    @pytest.fixture(autouse=True)
    def _end(self):
        yield
        assert {worker.is_lent for worker in warm.listed()} <= {False}

    @pytest.fixture
    def runner(self, venv):
        return LocalRunner(lambda: venv, RECIPES, LIMITS, keep_warm=30.0)

    def test_the_next_run_has_the_same_worker_and_files_of_other_names(self, venv, tmp_path):
        """A worker knows what it has loaded by the names of files."""
        (tmp_path / "given").write_text("given")
        found = []
        for _ in range(2):
            with LocalRunner(lambda: venv, RECIPES, LIMITS, keep_warm=30.0) as runner:
                found.append(runner.run(identity(a=tmp_path / "given")).result)
        assert found[0].process == found[1].process
        assert found[0].inputs != found[1].inputs

    def test_a_result_says_that_its_worker_has_read_the_files_of_other_runs(self, entered):
        assert entered.run(echo(12)).shared == "user"
        assert entered.run(echo(12, name="own", runs_user_code=True)).shared == "run"

    def test_what_runs_user_code_is_never_kept(self, entered, venv, run_id):
        warm.end()
        own = [entered.run(identity(f"own-{each}", runs_user_code=True)).result.process for each in (1, 2)]
        assert own[0] != own[1]
        assert warm.listed() == []
        run_id(venv)

    def test_a_worker_that_can_not_be_kept_is_started_nevertheless(self, venv, tmp_path, monkeypatch):
        monkeypatch.setenv("PINLITE_CACHE", str(tmp_path))
        (tmp_path / "warm").touch()
        told = []
        with LocalRunner(lambda: venv, RECIPES, LIMITS, told.append, keep_warm=30.0) as runner:
            assert runner.run(echo(7)).result.number == 7
        notices = [event.text for event in told if isinstance(event, Notice)]
        assert [text for text in notices if text.startswith("no workers are kept warm: ")]


class TestLocalInABatch(RunnerConformance):
    """With the workers of a keeper of its own."""

    @pytest.fixture
    def runner(self, venv):
        yield LocalRunner(lambda: venv, RECIPES, LIMITS, keep_warm=30.0, keeper="batch-of-tests")
        warm.dismiss("batch-of-tests")
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
