"""Which toolchain and lowering made a file."""

import json
from dataclasses import replace
from pathlib import Path

import fake_engine
import pytest
from fake_engine import RefusalError

from pinlite import toolchain
from pinlite.errors import NoEngineError


@pytest.fixture
def toolchains(monkeypatch):
    """Two toolchains: the classic one, and one that has other lowerings and opsets."""
    classic = toolchain.load()
    opsets = classic.opsets.model_copy(update={"least": 13, "default": 13, "most": 16})
    other = replace(classic, name="other", text="other", lowerings=("stock",), opsets=opsets)
    monkeypatch.setattr(toolchain, "names", lambda: ("classic", "other"))
    monkeypatch.setattr(toolchain, "load", lambda text="classic": {"classic": classic, "other": other}[text])


@pytest.fixture
def match(engine, toolchains, command, model_file):
    """Match a file of this content; ``made`` says what is made of a lowering and an opset."""
    del toolchains

    def run(content, made, *options):
        def export(call):
            result = fake_engine.export(call)
            call.outputs["model"].write_text(str(call.parameters["opset"]))
            return result

        def convert(call):
            result = fake_engine.convert(call)
            opset = (call.inputs["saved_model"] / "saved_model.pb").read_text().split()[-1]
            text = made[call.parameters["lowering"], int(opset)]
            if text is None:
                raise RefusalError("model", "there is no Cast")
            call.outputs["model"].write_bytes(b"\0\0\0\0TFL3" + text.encode())
            return result

        engine.programs |= {"export": export, "convert": convert}
        Path("old.tflite").write_bytes(b"\0\0\0\0TFL3" + content.encode())
        status, out, err = command("match", "old.tflite", f"{model_file}:build", "--input", "image=1x3x4x4", *options)
        return status, out, err

    return run


MADE = {("nhwc", 12): "a", ("stock", 12): "b", ("stock", 13): "c"}


@pytest.mark.parametrize(
    ("content", "told"),
    [("a", "classic, lowering nhwc"), ("b", "classic, lowering stock"), ("c", "other, lowering stock")],
)
def test_the_one_that_gives_the_same_bytes_is_named(match, content, told):
    status, out, err = match(content, MADE)
    assert status == 0, err
    assert f"old.tflite was made by: {told}" in out


def test_where_none_does_the_nearest_is_named(match):
    status, out, err = match("d", MADE, "--json")
    assert (status, "none of the toolchains made old.tflite" in err) == (8, True)
    found = json.loads(out)
    assert found["schema"] == "pinlite.match/1"
    distances = [candidate["distance"] for candidate in found["candidates"]]
    assert distances == sorted(distances)
    assert not any(candidate["same"] for candidate in found["candidates"])
    assert all(candidate["summary"] for candidate in found["candidates"])


def test_what_one_refuses_is_told_beside_the_others(match):
    status, out, err = match("c", MADE | {("nhwc", 12): None})
    assert status == 0, err
    assert "there is no Cast" in out


def test_what_only_one_can_export_is_asked_of_it_alone(match):
    status, out, err = match("c", MADE, "--opset", "13")
    assert status == 0, err
    assert "--opset 13: the toolchain classic exports opsets 7 to 12" in " ".join(out.split())


def test_where_all_refuse_each_says_why(match):
    status, _, err = match("a", dict.fromkeys(MADE))
    assert status == 8
    assert err.count("there is no Cast") == 3


def test_runtimes_are_not_asked(match, engine):
    match("a", MADE)
    assert not {request.operation for request in engine.requests} & {"infer", "time"}


def test_one_toolchain_can_be_tried(match):
    status, out, _ = match("a", MADE, "--toolchain", "other")
    assert status == 8
    assert "classic" not in out


def test_a_wrong_option_is_told_before_any_work(match, engine):
    status, _, err = match("a", MADE, "--variant", "int8")
    assert (status, "--calibration" in err) == (2, True)
    assert engine.requests == []


def test_that_there_is_no_engine_is_no_answer_of_a_toolchain(match, monkeypatch):
    def absent(*_):
        raise NoEngineError("no Docker engine answers", hint="start one")

    monkeypatch.setattr("pinlite.conversion.run.choose", absent)
    status, _, err = match("a", MADE)
    assert (status, "no Docker engine answers" in err) == (4, True)


def test_what_is_no_tflite_file_is_told_before_any_work(command, model_file, engine):
    Path("old.tflite").write_bytes(b"something else")
    status, _, err = command("match", "old.tflite", f"{model_file}:build", "--input", "image=1x3x4x4")
    assert (status, "old.tflite is no TFLite file" in err) == (2, True)
    assert engine.requests == []
