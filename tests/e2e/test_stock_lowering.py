"""The stock lowering, by which an old conversion is made again."""

import subprocess
from pathlib import Path

import pytest
from command import CASES, NETWORK

HERE = Path(__file__).parent
VARIANTS = ("float32", "dynamic", "int8")
FILTER = (f"{CASES}/tiny.py:Filter", "--input", "x=1x3x16x16")


@pytest.mark.parametrize("model", [NETWORK, FILTER], ids=["network", "filter"])
def test_its_files_are_those_of_the_recipe_done_by_hand(environments, converted, any_engine, tmp_path, model):
    wanted = [word for name in VARIANTS for word in ("--variant", name)]
    options = ("--lowering", "stock", *wanted, "--calibration", "random", "--engine", any_engine)
    out = converted(*model, *options)
    python = Path(environments["onnx-tf"].reference, "environment", "bin", "python")
    arguments = (out / "model.onnx", out / "calibration.npz", tmp_path)
    subprocess.run([python, HERE / "by_hand.py", *arguments], check=True, capture_output=True)
    for name in VARIANTS:
        file = f"model.{name}.tflite"
        assert (out / file).read_bytes() == (tmp_path / file).read_bytes(), name
