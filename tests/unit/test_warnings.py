"""What stages warn of: shown, in the report, kept with what they made, and with --strict a failure."""

import json
from pathlib import Path

import fake_engine
import pytest

import pinlite
from pinlite.conversion import pipeline
from pinlite.errors import ParityError, WarnedError
from pinlite.options import resolve
from pinlite.schema.report import Warned

BRANCH = "net.py:6: a branch on the data (`if x.sum() > 0`) is baked in"
CLIPPED = "float16 has no numbers beyond 65504: 2 of '[red]w' become that"
SHOWN = [f"warning: {BRANCH}", f"warning: float16: {CLIPPED}"]


@pytest.fixture
def warner(engine):
    """An engine whose stages warn: of a branch, twice, and of a number that is too large for float16."""

    def warns(name, *lines, variant=None):
        made = engine.programs[name]

        def program(call):
            told = list(lines) if variant in (None, call.parameters.get("variant")) else []
            return made(call) | {"warnings": told}

        engine.programs[name] = program

    warns("export", BRANCH, BRANCH)
    warns("convert", CLIPPED, variant="float16")
    return engine


@pytest.fixture
def recipe(warner, model_file):
    assert warner.requests == []

    def make(**options):
        given = {"source": f"{model_file}:build", "input": ["image=1x3x4x4"], "out": "out"}
        return resolve(given | {"variant": ["float32", "float16"]} | options)

    return make


@pytest.fixture
def convert(command, warner, model_file):
    def run(*arguments):
        warner.requests.clear()
        options = ("--input", "image=1x3x4x4", "--out", "out", "--variant", "float32", "--variant", "float16")
        return command("convert", f"{model_file.name}:build", *options, *arguments)

    return run


def printed(out):
    return [line for line in out.splitlines() if line.startswith("warning: ")]


def test_each_warning_is_once_in_the_report_with_its_stage_and_variant(recipe):
    report = pipeline.run(recipe())
    assert report.ok
    assert report.warnings == (
        Warned(stage="export", message=BRANCH),
        Warned(stage="convert-float16", message=CLIPPED, variant="float16"),
    )
    written = json.loads(Path("out/report.json").read_text())["warnings"]
    assert written[0] == {"stage": "export", "message": BRANCH, "signature": "", "variant": None}


def test_warnings_are_kept_with_what_they_are_about(engine, recipe):
    first = pipeline.run(recipe())
    engine.requests.clear()
    again = pipeline.run(recipe(out="elsewhere"))
    assert engine.requests == []
    assert again.warnings == first.warnings


def test_a_stage_that_comes_again_for_another_batch_says_no_more(engine, recipe):
    check = engine.programs["check"]
    engine.programs["check"] = lambda call: check(call) | {"warnings": ["of any batch"]}
    report = pipeline.run(recipe(**{"dynamic-batch": True}))
    assert len([request for request in engine.requests if request.id.startswith("check")]) == 3
    assert [warned.stage for warned in report.warnings if warned.message == "of any batch"] == ["check"]


def test_warnings_stand_before_the_last_line_which_counts_them(convert):
    status, out, _ = convert()
    assert status == 0
    assert printed(out) == SHOWN
    *_, one, other, last = out.splitlines()
    assert [one, other] == SHOWN
    assert last.endswith("-> out: equal to the reference within 0.0001, with 2 warnings")


def test_the_same_command_again_shows_them_again(engine, convert):
    for arguments in ((), ("--json",)):
        convert(*arguments)
        status, out, err = convert(*arguments)
        assert (status, engine.requests, "export" in err) == (0, [], False)
        if arguments:
            assert [warned["message"] for warned in json.loads(out)["warnings"]] == [BRANCH, CLIPPED]
        else:
            assert printed(out) == SHOWN


def test_without_warnings_nothing_is_said_of_them(engine, command, model_file):
    status, out, _ = command("convert", f"{model_file.name}:build", "--out", "out", "--strict")
    assert status == 0
    assert engine.requests
    assert "warning" not in out


def test_strict_ends_with_three_and_keeps_everything(engine, convert):
    status, out, err = convert("--strict")
    assert status == 3
    assert printed(out) == SHOWN
    assert f"error: --strict makes this warning an error: {BRANCH}, and 1 more" in err
    assert "without --strict; out has the results" in err
    assert Path("out/model.float16.tflite").exists()
    assert len(json.loads(Path("out/report.json").read_text())["warnings"]) == 2
    assert engine.requests


def test_strict_decides_nothing_of_what_is_made(engine, recipe):
    lenient = pipeline.run(recipe())
    engine.requests.clear()
    with pytest.raises(WarnedError) as caught:
        pipeline.run(recipe(strict=True))
    assert engine.requests == []
    assert caught.value.report.warnings == lenient.warnings
    assert caught.value.report.lock == lenient.lock


def test_strict_from_a_file_and_from_python(warner, command, model_file):
    Path("pinlite.toml").write_text(f'source = "{model_file.name}:build"\nout = "out"\nstrict = true\n')
    for _ in range(2):
        status, _, err = command("convert", "--config", "pinlite.toml")
        assert (status, "--strict" in err) == (3, True)
    with pytest.raises(WarnedError):
        pinlite.convert(f"{model_file}:build", out="out", strict=True)
    assert pinlite.convert(f"{model_file}:build", out="out").warnings
    assert warner.requests


def test_a_warning_says_more_than_a_difference_that_it_may_explain(engine, recipe):
    def infer(call):
        result = fake_engine.infer(call)
        arrays = fake_engine.computed(call.inputs["samples"])
        fake_engine.write(call.outputs["outputs"], {name: array + 1 for name, array in arrays.items()})
        return result

    engine.programs["infer"] = infer
    with pytest.raises(ParityError):
        pipeline.run(recipe())
    with pytest.raises(WarnedError, match="outputs differ as well") as caught:
        pipeline.run(recipe(strict=True))
    assert len(caught.value.report.warnings) == 2


def test_what_steers_a_terminal_is_shown(engine, command, model_file):
    made = engine.programs["export"]
    engine.programs["export"] = lambda call: made(call) | {"warnings": ["a\x1b[2J\nwarning: ok"]}
    _, out, _ = command("convert", f"{model_file.name}:build", "--out", "out")
    assert "warning: a\\x1b[2J\n  warning: ok\n" in out


def test_a_note_is_shown_and_kept_and_is_no_warning(engine, command, model_file):
    made, noted = engine.programs["export"], "--weights: loaded the state_dict '[red]ema' of the file"
    engine.programs["export"] = lambda call: made(call) | {"notes": [noted]}
    for _ in range(2):
        status, out, _ = command(
            "convert", f"{model_file}:build", "--input", "image=1x3x4x4", "--out", "out", "--strict"
        )
        assert status == 0
        assert f"note: {noted}" in out.splitlines()
    assert json.loads(Path("out/report.json").read_text())["notes"] == [
        {"stage": "export", "message": noted, "signature": ""}
    ]
