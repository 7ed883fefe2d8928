"""Scores on labelled samples that fall with the integers of a variant."""

import json
import re

from command import CASES

MODEL = (f"{CASES}/falling.py:Lopsided", "--input", "x=1x16", "--calibration", f"{CASES}/falling.py:samples")
SCORED = ("--evaluate", f"{CASES}/falling.py:labelled", "--variant", "float32", "--variant", "int8-only")


def test_a_score_that_falls_is_told_with_the_layers(pinlite, engine):
    ended = pinlite("convert", *MODEL, *SCORED, "--out", "out", "--engine", engine)
    assert ended.status == 7
    words = " ".join(ended.err.split())
    assert "(int8-only) scores" in words
    assert "in top-1, torch 1: a loss of" in words
    assert "where --loss is 10.00%" in words
    assert re.search(
        r"most of its error comes from \w+_\d.*, see `pinlite debug out`; try more calibration samples", words
    )
    assert "or `pinlite tune` in place of `pinlite convert` or --equalize or --variant int16x8 or --qat" in words
    report = json.loads((pinlite.here / "out" / "report.json").read_text())
    fallen = report["evaluation"]["fallen"]
    assert {each["variant"] for each in fallen} == {"int8-only"}
    assert all(each["lost"] > 0.1 for each in fallen)


def test_layers_that_stay_in_floats_by_their_modules_keep_it(pinlite, any_engine):
    floats = ("--variant", "float32", "--variant", "int8", "--keep-float", "feat*", "--keep-float", "classes")
    pinlite.succeeds("convert", *MODEL, *SCORED[:2], *floats, "--out", "out", "--engine", any_engine)
    report = json.loads((pinlite.here / "out" / "report.json").read_text())
    quantization = report["variants"][1]["quantization"]
    assert quantization["float_operators"] == {"FULLY_CONNECTED": 2}


def test_layers_of_int16_in_a_file_of_int8_score_as_one_of_int16(pinlite, engine):
    """The weights' one scale loses the rest, in both."""
    wide = ("--variant", "int8", "--variant", "int16x8", "--keep-int16", "*", "--loss", "1")
    pinlite.succeeds("convert", *MODEL, *SCORED[:2], *wide, "--out", "out", "--engine", engine)
    report = json.loads((pinlite.here / "out" / "report.json").read_text())
    assert report["variants"][0]["quantization"]["integer_operators"] == {"FULLY_CONNECTED": {"int16": 2}}
    scores = {variant: set() for variant in (None, "int8", "int16x8")}
    for each in report["evaluation"]["scores"]:
        scores[each["variant"]].add(each["scores"]["top-1"])
    assert scores["int8"] == scores["int16x8"]
    assert min(scores["int8"]) > 0


def test_a_layer_that_is_not_there(pinlite, any_engine):
    ended = pinlite(
        *("convert", *MODEL, "--variant", "int8", "--keep-float", "feature", "--out", "out", "--engine", any_engine)
    )
    assert ended.status != 0
    assert "no layer is called feature" in ended.err
    assert "(features)" in ended.err


def test_equalized_layers_keep_it(pinlite, any_engine):
    options = ("--equalize", "--round", "adaptive", "--correct-bias", "--ranges", "mse")
    pinlite.succeeds("convert", *MODEL, *SCORED, *options, "--out", "out", "--engine", any_engine)


def test_zero_points_of_0_and_cut_weights(pinlite, any_engine):
    options = ("--equalize", "--symmetric", "--weight-ranges", "percentile=99.9", "--correct-bias")
    pinlite.succeeds("convert", *MODEL, *SCORED, *options, "--out", "out", "--engine", any_engine)
    report = json.loads((pinlite.here / "out" / "report.json").read_text())
    integers = report["variants"][1]
    assert [each["zero_point"] for each in (*integers["inputs"], *integers["outputs"])] == [0, 0]
    assert len(integers["quantization"]["cut"]) == 2
