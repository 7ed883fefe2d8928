"""Quantization-aware training: each layer of the int8 file computes what PyTorch's fake-quantized layer does."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from command import CASES, EXAMPLES

HERE = Path(__file__).parent
ZOO, TUNING = CASES.parent / "zoo" / "models", CASES.parent / "techniques" / "tuning.py"
DIGITS = EXAMPLES / "digits"
MODELS = {
    "digits": (
        *(f"{DIGITS}/net.py:build", "--weights", DIGITS / "digits.pt", "--input", "image=1x1x8x8"),
        *("--qat", f"{DIGITS}/net.py:qat", "--data", DIGITS / "digits.npz"),
    ),
    "unet": (f"{ZOO}/imaging.py:unet", "--input", "input=1x3x64x64", "--qat", f"{TUNING}:pictures"),
    "mobilenet_v2": (
        f"{ZOO}/from_torchvision.py:mobilenet_v2",
        *("--input", "input=1x3x96x96", "--qat", f"{TUNING}:photographs"),
    ),
}
# Kernels round twice what they have summed up: a number just below a half goes up.
SAME = 0.99


@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[pytest.mark.nightly] * (name == "mobilenet_v2")) for name in MODELS]
)
def test_each_layer_alone_is_within_a_step_and_nearly_always_the_same(environments, converted, any_engine, model):
    out = converted(*MODELS[model], "--variant", "float32", "--variant", "int8", "--engine", any_engine)
    image = Path(environments["tensorflow"].reference)
    files = [out / "model.float32.tflite", out / "model.int8.tflite", out / "samples.npz"]
    printed = subprocess.run(
        [image / "environment" / "bin" / "python", HERE / "each_layer.py", *files],
        env=os.environ | {"PYTHONPATH": str(image / "programs")},
        check=True,
        capture_output=True,
    ).stdout
    found = json.loads(printed)
    assert found["CONV_2D"][0] >= 4
    assert all(most <= 1 for _, most, _ in found.values()), found
    assert all(same > SAME for _, _, same in found.values()), found
