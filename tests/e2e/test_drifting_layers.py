"""Where outputs drift: ``pinlite debug``."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command import EXAMPLES

HERE = Path(__file__).parent
DIGITS = EXAMPLES / "digits"
NET = (f"{DIGITS}/net.py:build", "--weights", DIGITS / "digits.pt", "--input", "image=1x1x8x8")
INTEGERS = ("--variant", "float32", "--variant", "int8", "--calibration", DIGITS / "calibration.npz")


@pytest.fixture
def result(converted, any_engine):
    return converted(*NET, *INTEGERS, "--engine", any_engine)


@pytest.fixture
def layers(pinlite, any_engine):
    def debug(folder, *options):
        told = pinlite.succeeds("debug", folder, *options, "--json", "--engine", any_engine).out
        return json.loads(told)["layers"]

    return debug


def test_every_layer_is_compared_in_every_runtime(pinlite, engine, result):
    told = json.loads(pinlite.succeeds("debug", result, "--json", "--engine", engine).out)
    # What differs most is shown unless told otherwise.
    assert told["variant"] == "int8"
    assert list(told["torch"]) == ["output"]
    found = {layer["name"]: layer for layer in told["layers"]}
    assert {"image", "Relu_1", "Relu_3", "MaxPool_4", "Relu_6", "Add_7", "Relu_9", "Gemm_11"} <= found.keys()
    for layer in found.values():
        assert layer["errors"]["tensorflow"] < 1e-5
        assert layer["errors"]["float32"] < 1e-5
    assert 1e-3 < found["Gemm_11"]["errors"]["int8"] < 0.1
    assert found["Relu_6"]["includes"] == ["Conv_5"]
    added = [layer["added"] for layer in told["layers"]]
    assert added == sorted(added, reverse=True)


def test_the_modules_of_pytorch_are_compared_and_named(pinlite, engine, result):
    told = pinlite.succeeds("debug", result, NET[0], *NET[1:3], "--json", "--engine", engine).out
    found = {layer["name"]: layer for layer in json.loads(told)["layers"]}
    assert all(layer["errors"]["torch"] < 1e-5 for layer in found.values() if layer["module"] is not None)
    named = {layer["module"]: layer["name"] for layer in found.values()}
    assert {
        "stem.2": "Relu_1",
        "wide.2": "Relu_3",
        "deep.2": "Relu_6",
        "last.2": "Relu_9",
        "head": "Gemm_11",
    }.items() <= (named.items())


def test_a_training_is_done_again_by_the_config_of_the_conversion(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "pinlite.toml").write_text(
        f"""
        source = "{NET[0]}"
        weights = "{NET[2]}"
        input = ["image=1x1x8x8"]
        qat = "{DIGITS}/net.py:finetune"
        data = "{DIGITS}/digits.npz"
        variant = ["int8"]
        out = "trained"
        """
    )
    options = ("--config", "pinlite.toml", "--engine", any_engine)
    pinlite.succeeds("convert", *options)
    told = json.loads(pinlite.succeeds("debug", "trained", *options, "--json").out)
    compared = [layer for layer in told["layers"] if "torch" in layer["errors"]]
    assert len(compared) >= 5
    # What torch rounds, the file rounds, but for numbers between two steps.
    assert all(layer["errors"]["int8"] < 0.02 for layer in compared)
    # Without the training it is another model.
    said = pinlite.refuses(2, "debug", "trained", NET[0], *NET[1:3], "--engine", any_engine)
    assert "another model" in said


@pytest.mark.parametrize("layer", ["Relu_3", "Relu_6", "output"])
def test_a_layer_that_is_wrong_comes_first(environments, result, layers, tmp_path, layer):
    wrong = tmp_path / "wrong"
    shutil.copytree(result, wrong)
    image = Path(environments["tensorflow"].reference)
    subprocess.run(
        [
            image / "environment" / "bin" / "python",
            HERE / "make_wrong_layer.py",
            wrong / "model.float32.tflite",
            layer,
        ],
        env=os.environ | {"PYTHONPATH": str(image / "programs")},
        check=True,
    )
    first, *others = layers(wrong, "--variant", "float32")
    assert layer in (first["name"], first["value"])
    assert first["added"] > 0.4
    assert all(other["added"] < 0.2 for other in others)
    assert first["errors"]["tensorflow"] < 1e-5


def test_the_worst_are_shown(pinlite, any_engine, result):
    shown = pinlite.succeeds("debug", result, "--top", "2", "--engine", any_engine).out.splitlines()
    assert "int8" in shown[0]
    assert len([line for line in shown if line.startswith(("image", "Relu", "Conv", "Gemm", "MaxPool", "Add"))]) == 2
    assert "torch and onnxruntime differ by" in shown[-2]
    assert shown[-1].endswith(str(result / "debug.int8.txt"))


def test_what_is_no_result_or_not_in_it_is_refused(pinlite, any_engine, result, tmp_path):
    assert "is not the output folder of a conversion" in pinlite.refuses(2, "debug", tmp_path, "--engine", any_engine)
    said = pinlite.refuses(2, "debug", result, "--variant", "int16x8", "--engine", any_engine)
    assert "has no variant int16x8, only float32, int8" in said
