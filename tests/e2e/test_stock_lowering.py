"""The stock lowering, by which an old conversion is made again."""

import subprocess
from pathlib import Path

import pytest
from command import CASES, NETWORK

HERE = Path(__file__).parent
VARIANTS = ("float32", "dynamic", "int8")
FILTER = (f"{CASES}/tiny.py:Filter", "--input", "x=1x3x16x16")

TWICE = (f"{CASES}/tiny.py:Twice", "--input", "x=1x8")


def _stock(converted, engine, model):
    wanted = [word for name in VARIANTS for word in ("--variant", name)]
    options = ("--lowering", "stock", *wanted, "--calibration", "random", "--engine", engine)
    return converted(*model, *options)


@pytest.mark.parametrize("model", [NETWORK, FILTER], ids=["network", "filter"])
def test_its_files_are_those_of_the_recipe_done_by_hand(environments, converted, any_engine, tmp_path, model):
    out = _stock(converted, any_engine, model)
    python = Path(environments["onnx-tf"].reference, "environment", "bin", "python")
    arguments = (out / "model.onnx", out / "calibration.npz", tmp_path, *VARIANTS)
    subprocess.run([python, HERE / "by_hand.py", *arguments], check=True, capture_output=True)
    for name in VARIANTS:
        file = f"model.{name}.tflite"
        assert (out / file).read_bytes() == (tmp_path / file).read_bytes(), name


def test_what_the_quantizer_gets_wrong_is_told_and_left(environments, converted, any_engine, tmp_path, report):
    test_its_files_are_those_of_the_recipe_done_by_hand(environments, converted, any_engine, tmp_path, TWICE)
    told, *audited = report(_stock(converted, any_engine, TWICE))["warnings"]
    assert (told["stage"], told["variant"]) == ("convert-int8", "int8")
    assert "biases that several operators share" in told["message"]
    assert "--lowering nhwc" in told["message"]
    assert {(each["stage"], each["variant"]) for each in audited} == {("audit", "int8")}
    assert any("scales are not input x weights" in each["message"] for each in audited)
