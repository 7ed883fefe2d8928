"""What every runner does alike. A suite inherits `RunnerConformance` and gives its runner as the fixture ``runner``."""

from dataclasses import replace

import pytest
from probes import recipe

from pinlite.digest import HashedPath, of_path
from pinlite.errors import ModelError, StageCrashError, StageTimeoutError, UsageError
from pinlite.schema.frozen import Frozen
from pinlite.schema.recipe import Limits
from pinlite.stages.stage import Action, Answer, Stage, hashed

# The image is called as a toolchain's role is, and has the probe's name.
ROLE, IMAGE = "probed", "probe-of-runners"
RECIPE = recipe(IMAGE)
LIMITS = Limits(memory=256 * 1024**2, timeout=8, processes=64)


class Number(Frozen):
    number: int


def stage(operation: str, name: str = "step", **more: bool) -> Stage:
    return Stage(name, image=ROLE, program="probe", operation=operation, **more)


def echo(number: object = 1, **more: object) -> Action[Number]:
    return Action(stage("echo", **more), Number, {"number": number}, {})


def copied(**files) -> Action[Answer]:
    """Each file to an output of its role."""
    return Action(stage("copy", "copied"), Answer, {}, {role: f"{role}.bin" for role in files}, hashed(**files))


class RunnerConformance:
    """A suite has a fixture ``runner``: a `pinlite.runner.Runner` that has not been entered, of `LIMITS`, with `RECIPE`
    as the recipe of `ROLE`.
    """

    @pytest.fixture
    def entered(self, runner):
        with runner:
            yield runner

    def test_an_action_gives_its_checked_result(self, entered):
        done = entered.run(echo(7))
        assert (done.name, done.result, done.outputs, done.source) == ("step", Number(number=7), {}, "ran")
        assert (done.stage.name, done.stage.image, done.stage.source) == ("step", IMAGE, "ran")

    def test_files_go_in_and_come_out(self, entered, tmp_path):
        (tmp_path / "given.npz").write_bytes(b"\0\xff")
        done = entered.run(copied(first=tmp_path / "given.npz"))
        assert done.outputs["first"].path.name == "first.bin"
        assert done.outputs["first"].path.read_bytes() == b"\0\xff"
        assert done.outputs["first"].sha256 == of_path(tmp_path / "given.npz")

    def test_what_one_action_made_another_one_takes(self, entered, tmp_path):
        (tmp_path / "given").write_bytes(b"handed on")
        first = entered.run(copied(a=tmp_path / "given"))
        second = entered.run(Action(stage("copy", "again"), Answer, {}, {"b": "b.bin"}, {"b": first.outputs["a"]}))
        assert second.outputs["b"].path.read_bytes() == b"handed on"
        assert first.outputs["a"].path.read_bytes() == b"handed on"

    def test_folders_come_out_as_files_do(self, entered):
        done = entered.run(Action(stage("make", "folder"), Answer, {}, {"folder": "folder"}))
        made = done.outputs["folder"]
        assert (made.path / "file").read_text() == "made"
        assert made.sha256 == of_path(made.path)
        assert done.record.outputs["folder"].folder

    def test_where_a_file_lies_decides_nothing(self, entered, tmp_path):
        keys = set()
        for place in ("here", "there"):
            (tmp_path / place).mkdir()
            (tmp_path / place / "given").write_bytes(b"the same")
            keys.add(entered.run(copied(a=tmp_path / place / "given")).record.preimage.key)
        assert len(keys) == 1

    def test_the_record_says_what_it_was_made_of_and_in(self, entered, tmp_path):
        (tmp_path / "given").write_bytes(b"recorded")
        done = entered.run(copied(a=tmp_path / "given"))
        record = done.record
        assert record.preimage.inputs == {"a": of_path(tmp_path / "given")}
        assert (record.preimage.image, record.preimage.program, record.preimage.operation) == (IMAGE, "probe", "copy")
        assert {role: output.sha256 for role, output in record.outputs.items()} == {"a": done.outputs["a"].sha256}
        assert record.versions["python"].startswith("3.8.")
        assert record.made_in == entered.images[IMAGE].identity
        assert record.seconds >= 0
        assert record.peak_memory > 2**20

    @pytest.mark.parametrize(("kind", "error"), [("usage", UsageError), ("model", ModelError)])
    def test_a_refusal_has_its_words_and_names_the_stage(self, entered, kind, error):
        with pytest.raises(error) as caught:
            entered.run(Action(stage("refuse", "refusing"), Answer, {"kind": kind}, {}))
        assert (str(caught.value), caught.value.hint) == ("refusing: no such thing", "take another")
        assert entered.run(echo(8)).result.number == 8

    def test_a_crash_names_the_stage_and_the_next_action_is_served(self, entered):
        with pytest.raises(StageCrashError, match=r"^crashing: ") as caught:
            entered.run(Action(stage("leave", "crashing"), Answer, {"status": 41}, {}))
        assert caught.value.stage == "crashing"
        assert entered.run(echo(9)).result.number == 9

    def test_an_action_that_takes_too_long_is_ended(self, entered):
        with pytest.raises(StageTimeoutError, match=r"^hanging: "):
            entered.run(Action(stage("hang", "hanging"), Answer, {}, {}))
        assert entered.run(echo(10)).result.number == 10

    @pytest.mark.parametrize("number", ["many", None])
    def test_a_result_that_was_not_promised_is_a_crash(self, entered, number):
        with pytest.raises(StageCrashError, match="its result is not what the stage promises"):
            entered.run(echo(number))

    def test_an_output_that_was_not_made_is_a_crash(self, entered):
        with pytest.raises(StageCrashError, match=r"its outputs should be a\.bin"):
            entered.run(Action(stage("echo", "forgetful"), Answer, {}, {"a": "a.bin"}))

    def test_what_runs_the_users_code_serves_one_request_and_the_next_has_another(self, entered):
        for number in (1, 2):
            assert entered.run(echo(number, name=f"own-{number}", runs_user_code=True)).result.number == number

    def test_it_tells_the_images_that_it_had_ready(self, entered):
        entered.run(echo(11))
        assert [*entered.images] == [IMAGE]

    def test_leaving_removes_what_it_made_and_spares_what_it_was_given(self, runner, tmp_path):
        given = tmp_path / "given"
        given.write_bytes(b"stays")
        with runner:
            made = runner.run(copied(a=given)).outputs["a"].path
        assert not made.exists()
        assert given.read_bytes() == b"stays"

    def test_leaving_by_an_interrupt_removes_as_much(self, runner, tmp_path):
        (tmp_path / "given").write_bytes(b"stays")
        made = []

        def interrupted():
            with runner:
                made.append(runner.run(copied(a=tmp_path / "given")).outputs["a"].path)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert not made[0].exists()

    def test_a_runner_that_nothing_was_asked_of_can_be_left(self, runner):
        with runner:
            assert runner.images == {}

    def test_an_input_that_changed_is_told_by_its_digest(self, tmp_path):
        (tmp_path / "given").write_bytes(b"before")
        action = copied(a=tmp_path / "given")
        assert action.inputs["a"].is_unchanged
        (tmp_path / "given").write_bytes(b"afterwards")
        assert not action.inputs["a"].is_unchanged
        assert replace(action, inputs={"a": HashedPath.of(tmp_path / "given")}) != action
