"""A TFLite file held to its rules and to real numbers: ``pinlite audit``."""

import json

import pytest
from command import CASES

# Two dense layers that share a bias, which TensorFlow 2.4.1's quantizer gives the scale of the first one.
MODEL = (f"{CASES}/tiny.py:Twice", "--input", "x=1x8", "--variant", "int8", "--calibration", "random")


@pytest.fixture
def file(converted, any_engine):
    """The model's integers, by a lowering."""
    return lambda lowering: converted(*MODEL, "--lowering", lowering, "--engine", any_engine) / "model.int8.tflite"


def test_what_is_wrong_in_a_file_is_named_and_counted(pinlite, engine, file):
    ended = pinlite("audit", file("stock"), "--engine", engine)
    assert ended.status == 7
    assert "wrong  bias" in ended.out
    assert "part(s) of the file are wrong: FULLY_CONNECTED" in ended.err
    assert "docs/audit.md says what this means" in ended.err
    found = json.loads(pinlite("audit", file("stock"), "--json", "--engine", engine).out)["found"]
    assert {each["kind"] for each in found["findings"] if each["wrong"]} >= {"bias"}
    assert any(each["steps"] > each["allowed"] for each in found["computed"]["off"])
    assert found["computed"]["checked"]["FULLY_CONNECTED"] > 1


def test_a_right_file_passes_and_says_where_it_runs(pinlite, engine, file):
    ended = pinlite.succeeds("audit", file("nhwc"), "--engine", engine, "--runtime", "tensorflow-cpu==2.4.1")
    assert "structure: nothing found" in ended.out
    assert " 0 unchecked" in ended.out
    assert "least runtime: that of TensorFlow 1." in ended.out
    assert "passes for tensorflow-cpu 2.4.1" in ended.out.replace("\n", " ")


def test_what_is_no_tflite_file_is_refused(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "garbage.tflite").write_bytes(b"\x08garbage" * 50)
    assert "this is no TFLite file" in pinlite.refuses(2, "audit", "garbage.tflite", "--engine", any_engine)
