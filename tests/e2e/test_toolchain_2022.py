"""The toolchain 2022: its files are those of the recipe done by hand at its pins, and what that refuses is refused."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command import CASES
from recipes import ensured

from pinlite.contract import ENVIRONMENT

HERE = Path(__file__).parent
TOOLCHAIN = "2022"
NETS = CASES / "vintage.py"
EVERY = ("float32", "float16", "dynamic", "int8", "int8-only", "int16x8")


@pytest.fixture(scope="module")
def images(venv_engine):
    return ensured(venv_engine, TOOLCHAIN)


@pytest.fixture
def calibration(tmp_path):
    path = tmp_path / "calibration.npz"
    np.savez(path, image=np.random.default_rng(0).random((8, 1, 3, 32, 32), np.float32))
    return path


@pytest.fixture
def by_hand(images, calibration, tmp_path):
    """The recipe by hand: the folder with its files, or the last line of what it says where it fails."""
    folder = tmp_path / "by-hand"
    environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(NETS.parent)}

    def convert(name, size, variants):
        folder.mkdir()
        for role, *step in (
            ("torch", "export_by_hand.py", NETS.stem, name, str(size), folder / "model.onnx"),
            ("onnx-tf", "by_hand.py", folder / "model.onnx", calibration, folder, *variants),
        ):
            python = Path(images[role].reference, "environment", "bin", "python")
            ended = subprocess.run(
                [python, HERE / step[0], *step[1:]], env=environment, capture_output=True, text=True, check=False
            )
            if ended.returncode:
                return ended.stderr.strip().splitlines()[-1].strip()
        return folder

    return convert


@pytest.fixture
def asked(calibration):
    """What pinlite is asked for the same."""

    def arguments(engine, name, size, variants):
        wanted = [word for variant in variants for word in ("--variant", variant)]
        calibrated = ("--calibration", calibration) if len(variants) > 1 else ()
        model = (f"{NETS}:{name}", "--input", f"image=1x3x{size}x{size}")
        return (*model, "--toolchain", TOOLCHAIN, "--engine", engine, *wanted, *calibrated)

    return arguments


@pytest.mark.parametrize(
    ("engine", "name", "size", "variants"),
    [
        ("venv", "own", 32, EVERY),
        pytest.param("venv", "mobilenet_v2", 64, ("float32",), marks=pytest.mark.nightly),
        pytest.param("venv", "resnet18", 64, ("float32",), marks=pytest.mark.nightly),
        pytest.param("venv", "alexnet", 224, ("float32",), marks=pytest.mark.nightly),
        pytest.param("docker", "own", 32, EVERY, marks=pytest.mark.nightly),
    ],
)
def test_files_are_those_of_the_recipe_by_hand(request, converted, by_hand, asked, engine, name, size, variants):
    if engine == "docker":
        request.getfixturevalue("docker_engine")
    model = (name, size, variants)
    out, folder = converted(*asked(engine, *model)), by_hand(*model)
    for file in ("model.onnx", *(f"model.{variant}.tflite" for variant in variants)):
        assert (out / file).read_bytes() == (folder / file).read_bytes(), file


@pytest.mark.parametrize(("name", "size", "stage"), [("alexnet", 64, "export"), ("Enlarged", 32, "translate")])
def test_what_the_recipe_by_hand_refuses_is_refused(pinlite, by_hand, asked, name, size, stage):
    model = (name, size, ("float32",))
    reason = re.fullmatch(r"RuntimeError: (.+?)\.?( Please .*)?", by_hand(*model))
    said = " ".join(pinlite.refuses(3, "convert", *asked("venv", *model), "--out", "out").split())
    assert f"error: {stage}: " in said
    assert reason[1] in said
