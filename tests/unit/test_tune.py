"""`pinlite tune` with a fake engine, in which no way of choosing integers costs anything."""

import json
import tomllib
from pathlib import Path

import fake_engine
import numpy as np
import pytest

import pinlite
from pinlite.errors import UsageError

FILE = Path("pinlite.toml")


@pytest.fixture
def given(model_file):
    Path("data.py").write_text("def labelled(): ...\n")
    return {
        "source": f"{model_file.name}:build",
        "inputs": ["image=1x3x4x4"],
        "calibration": "random",
        "evaluate": "data.py:labelled",
        "metric": ["top-1"],
        "out": "out",
    }


def convert_requests(engine):
    return [each for each in engine.requests if each.id == "convert-int8"]


def test_what_is_tried_and_taken_is_in_the_report(engine, given):
    report = pinlite.tune(**given, loss="1%", budget="1h")
    found = report.tuning
    assert (found.variant, found.loss, found.budget, found.complete) == ("int8", 0.01, 3600.0, True)
    assert found.runtime in {each.name for each in report.runtimes if each.required}
    methods = [trial.method for trial in found.trials]
    assert len(convert_requests(engine)) == len(methods) == len(set(methods)) == 10
    assert found.chosen == 0
    assert report.to_json() == Path("out/report.json").read_text()


def of_one_kept_layer(call):
    """A file that loses all, unless a layer of it has other numbers than int8."""
    result = fake_engine.convert(call)
    method = call.parameters.get("quantization", {})
    if not method.get("keep_float") and not method.get("keep_int16"):
        call.outputs["model"].write_bytes(call.outputs["model"].read_bytes() + b"lost")
    result["quantization"]["float_operators"] = {"LOGISTIC": 1} if method.get("keep_float") else {}
    result["quantization"]["integer_operators"] = {"LOGISTIC": {"int16": 1}} if method.get("keep_int16") else {}
    return result


def infer(call):
    result = fake_engine.infer(call)
    if call.inputs["model"].read_bytes().endswith(b"lost"):
        with np.load(call.outputs["evaluated"]) as arrays:
            fake_engine.write(call.outputs["evaluated"], {name: -array for name, array in arrays.items()})
    return result


@pytest.mark.parametrize(("target", "floats"), [("tflite-2.4", 1), ("tflite-2.10", 0)])
def test_integers_of_16_bits_that_a_runtime_of_the_target_computes_wrongly_are_not_taken(engine, given, target, floats):
    engine.programs |= {"convert-int8": of_one_kept_layer} | {f"{stage}-int8": infer for stage in fake_engine.INFER}
    tuning = pinlite.tune(**given, target=target, ops="builtin").tuning
    assert tuning.trials[0].lost > 0.5
    taken = tuning.trials[tuning.chosen]
    assert (taken.lost, taken.floats, len(taken.method.keep_int16)) == (0.0, floats, 1 - floats)


@pytest.mark.usefixtures("engine")
def test_a_new_file_has_the_options_that_were_given(given):
    pinlite.tune(**given, loss="1%", equalize=True)
    assert tomllib.loads(FILE.read_text()) == {
        "source": "model.py:build",
        "input": ["image=1x3x4x4"],
        "calibration": "random",
        "evaluate": "data.py:labelled",
        "metric": ["top-1"],
        "loss": "1%",
        "variant": ["int8"],
        "equalize": True,
    }
    locked = json.loads(FILE.with_suffix(".lock").read_text())
    assert locked["options"]["equalize"] is True
    pinlite.convert(config=FILE, locked=True, out="again")


@pytest.mark.usefixtures("engine")
def test_a_file_that_was_read_gets_the_choice(given, command):
    FILE.write_text(
        'source = "model.py:build"  # ours\ninput = ["image=1x3x4x4"]\ncalibration = "random"\n'
        'evaluate = "data.py:labelled"\nmetric = ["top-1"]\nvariant = ["float32", "int8"]\n'
    )
    before = FILE.read_text()
    status, out, err = command("tune", "--out", "out", "--correct-bias", "--loss", "2%")
    assert status == 0, err
    assert FILE.read_text() == before + 'correct-bias = true\nloss = "2%"\n'
    assert "trials of int8 in" in out
    assert "--correct-bias" in out
    assert given


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"evaluate": None, "metric": []}, "tuning needs --evaluate"),
        ({"variants": ["float16"], "calibration": None}, "no variant of float16 takes ranges from samples"),
        ({"variants": ["int8", "int16x8"]}, "int8 and int16x8 would be chosen for at once"),
        ({"lowering": "stock"}, "the lowering stock leaves nothing to choose"),
        ({"budget": "soon"}, "--budget 'soon' is no time"),
        ({"config": "absent.toml"}, "there is no file absent.toml"),
    ],
)
def test_a_search_for_nothing_is_refused(engine, given, options, says):
    with pytest.raises(UsageError, match=says) as caught:
        pinlite.tune(**given | options)
    assert caught.value.hint
    assert engine.requests == []


def test_a_file_that_was_not_read_is_not_written(engine, given):
    FILE.write_text("seed = 1\n")
    with pytest.raises(UsageError, match=r"pinlite.toml is there already"):
        pinlite.tune(**given)
    assert FILE.read_text() == "seed = 1\n"
    assert engine.requests == []
