"""Searching for the integers that keep a score."""

import json
import tomllib

from command import CASES

MODEL = (f"{CASES}/falling.py:Lopsided", "--input", "x=1x16", "--calibration", f"{CASES}/falling.py:samples")
SCORED = ("--evaluate", f"{CASES}/falling.py:labelled", "--out", "out")


def test_what_is_chosen_keeps_the_score_and_is_converted_from_then_on(pinlite, engine):
    pinlite.succeeds("tune", *MODEL, *SCORED, "--loss", "0.5%", "--engine", engine)
    report = json.loads((pinlite.here / "out" / "report.json").read_text())
    tuning = report["tuning"]
    usual, taken = tuning["trials"][0], tuning["trials"][tuning["chosen"]]
    assert usual["lost"] > 0.5
    assert taken["lost"] <= 0.005
    assert tuning["complete"]
    with_int16 = [each for each in tuning["trials"] if each["method"]["keep_int16"] and not each["floats"]]
    assert with_int16
    assert all(each["error"] < usual["error"] for each in with_int16)
    assert report["evaluation"]["fallen"] == []
    written = tomllib.loads((pinlite.here / "pinlite.toml").read_text())
    assert written["equalize"] is True
    assert written["keep-float"] == taken["method"]["keep_float"]
    tuned = (pinlite.here / "out" / "model.int8.tflite").read_bytes()
    pinlite.succeeds("convert", "--locked", "--out", "again", "--engine", engine)
    assert (pinlite.here / "again" / "model.int8.tflite").read_bytes() == tuned


def test_a_score_that_nothing_keeps_leaves_pinlite_toml_as_it_is(pinlite, engine):
    options = ("--loss", "0%", "--variant", "int8-only", "--engine", engine)
    ended = pinlite("tune", *MODEL, *SCORED, *options)
    assert ended.status == 7
    assert "a loss of" in " ".join(ended.err.split())
    assert not (pinlite.here / "pinlite.toml").exists()
    trials = json.loads((pinlite.here / "out" / "report.json").read_text())["tuning"]["trials"]
    assert min(each["lost"] for each in trials) < trials[0]["lost"]


def test_a_pinlite_toml_that_was_not_read_is_not_written(pinlite):
    pinlite.here.mkdir()
    (pinlite.here / "pinlite.toml").write_text('source = "another.py:model"\n')
    ended = pinlite("tune", *MODEL, *SCORED)
    assert ended.status == 2
    assert "pinlite.toml is there already" in ended.err
    assert (pinlite.here / "pinlite.toml").read_text() == 'source = "another.py:model"\n'
