"""Files for LiteRT 2 alone, in the runtimes of the default toolchain."""

import pytest
from command import CASES, RUNTIMES

WIDE = (f"{CASES}/wide.py:build", "--input", "ids=1x7:int64", "--input", "image=1x5x9x9")
OLD, OLDEST, NEW = RUNTIMES
# By variant: how far from PyTorch it may be in LiteRT, over the largest number, and which other runtimes have no
# operators for it.
VARIANTS = {
    "weight-int8": (0.02, {OLDEST}),
    "weight-int4": (0.2, {OLD, OLDEST}),
    "dynamic": (0.03, {OLD, OLDEST}),
    "dynamic-int4": (0.2, {OLD, OLDEST}),
    "int8": (0.05, set()),
    "int16x8": (0.02, set()),
}


@pytest.fixture(scope="module")
def out(converted, any_engine):
    variants = [word for name in VARIANTS for word in ("--variant", name)]
    options = ("--target", "litert-2", "--calibration", "random", "--engine", any_engine)
    return converted(*WIDE, *variants, *options)


def test_what_only_litert_has_is_right_there(out, report):
    found = report(out)
    assert found["ok"]
    assert found["failures"] == []
    for variant in found["variants"]:
        most, without = VARIANTS[variant["name"]]
        assert variant["parity"][NEW] < most, variant["name"]
        assert set(variant["parity"]) == {*RUNTIMES} - without, variant["name"]
        assert variant["quantization"]["per_channel"] >= 5, variant["name"]
    # What others don't have is told, and fails nothing; older ones compute dense layers wrongly.
    reasons = [stage["reason"] for stage in found["stages"] if stage["source"] == "skipped"]
    assert len(reasons) == 7
    assert all(reason.startswith("the target litert-2 does not ask for ") for reason in reasons)
    assert {variant["parity"][OLDEST] > 0.5 for variant in found["variants"] if OLDEST in variant["parity"]} == {True}


def test_nothing_is_wrong_inside(out, pinlite, any_engine):
    asked = ("--target", "litert-2", "--engine", any_engine)
    pinlite.succeeds("audit", out / "model.dynamic-int4.tflite", *asked)
    said = pinlite.succeeds("audit", out / "model.weight-int4.tflite", *asked)
    assert "7 checked, 0 unchecked" in said.out


# How far from PyTorch in LiteRT.
NEWER = {
    "float32": 1e-5,
    "float16": 2e-3,
    "weight-int8": 0.02,
    "dynamic": 0.03,
    "int8": 0.05,
    "int8-only": 0.05,
    "int16x8": 0.02,
}


@pytest.fixture(scope="module")
def newer(converted, any_engine):
    variants = [word for name in NEWER for word in ("--variant", name)]
    options = ("--target", "litert-2", "--calibration", "random", "--engine", any_engine)
    return converted(f"{CASES}/newer.py:build", "--input", "image=1x8x9x9", *variants, *options)


def test_operators_that_only_litert_has_are_right_there(newer, report):
    found = report(newer)
    assert found["ok"]
    assert [each["name"] for each in found["variants"]] == [*NEWER]
    for variant in found["variants"]:
        assert variant["parity"][NEW] < NEWER[variant["name"]], variant["name"]
        operators = variant["ops"]
        assert [operators[kind] for kind in ("GELU", "CONV_2D", "FULLY_CONNECTED")] == [4, 4, 3], variant["name"]
        assert operators["CONCATENATION"] == 1, variant["name"]
        assert not {"SPLIT", "TANH"}.intersection(operators), variant["name"]
        if variant["name"] in ("int8", "int16x8"):
            assert variant["quantization"]["float_operators"] == {}
    reasons = [stage["reason"] for stage in found["stages"] if stage["source"] == "skipped"]
    assert all(reason.startswith("the target litert-2 does not ask for ") for reason in reasons)
    assert any("CONV_2D" in reason for reason in reasons)


def test_nothing_is_wrong_in_what_only_litert_has(newer, pinlite, any_engine):
    for variant in ("int8-only", "int16x8"):
        said = pinlite.succeeds(
            "audit", newer / f"model.{variant}.tflite", "--target", "litert-2", "--engine", any_engine
        )
        assert " 0 unchecked" in said.out
    pinlite.refuses(7, "audit", newer / "model.int8-only.tflite", "--target", "tflite-2.4", "--engine", any_engine)


def test_layers_of_what_only_litert_has_are_compared(newer, pinlite, any_engine):
    said = pinlite.succeeds("debug", newer, "--variant", "int8", "--engine", any_engine)
    assert "trace-tflite-int8" in said.err
