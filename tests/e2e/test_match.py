"""Which versions made a file, of files that were made by hand: outside pinlite, in the environments of its images."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from command import CASES
from recipes import ensured

from pinlite.contract import ENVIRONMENT

HERE = Path(__file__).parent
# The toolchain whose pins each year's recipe by hand has.
PINS = {"2021": "2021", "2022": "2022"}
SMALL = (("tiny", "network", 16),)
MODELS = (*SMALL, ("vintage", "plain", 16), ("tiny", "Filter", 16), ("vintage", "mobilenet_v2", 32))


@pytest.fixture(scope="module")
def by_hand(venv_engine, tmp_path_factory):
    """The file that the recipe by hand makes of a model with the packages of a toolchain."""

    def make(name, module, function, size):
        images, folder = ensured(venv_engine, name), tmp_path_factory.mktemp("by-hand")
        environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(CASES)}
        for role, *step in (
            ("torch", "export_by_hand.py", module, function, str(size), folder / "model.onnx"),
            ("onnx-tf", "by_hand.py", folder / "model.onnx", folder / "none.npz", folder, "float32"),
        ):
            python = Path(images[role].reference, "environment", "bin", "python")
            subprocess.run([python, HERE / step[0], *step[1:]], env=environment, check=True, capture_output=True)
        return folder / "model.float32.tflite"

    return make


def asked(file, module, function, size, *options):
    return ("match", file, f"{CASES}/{module}.py:{function}", "--input", f"image=1x3x{size}x{size}", *options)


def made_by(out):
    """The toolchains that are said to have made the file."""
    found = re.search(r"was made by: (.*)", out)
    return {name.split(",")[0] for name in found[1].split("; ")} if found else set()


@pytest.mark.parametrize(
    "year", [year if year == "2022" else pytest.param(year, marks=pytest.mark.nightly) for year in PINS]
)
@pytest.mark.parametrize(
    "model",
    [model if model in SMALL else pytest.param(model, marks=pytest.mark.nightly) for model in MODELS],
    ids=lambda model: model[1],
)
def test_what_made_a_file_is_known(pinlite, by_hand, any_engine, model, year):
    # Today's PyTorch made none of these files, and takes longer than all others together.
    tried = [word for name in ("classic", *PINS.values()) for word in ("--toolchain", name)]
    said = pinlite.succeeds(*asked(by_hand(PINS[year], *model), *model, *tried, "--engine", any_engine))
    assert made_by(said.out) - {"classic"} == {year}


def test_what_none_of_the_toolchains_made_is_told(pinlite, by_hand, any_engine):
    (model, *_) = SMALL
    options = ("--toolchain", "2021", "--toolchain", "classic", "--engine", any_engine)
    ended = pinlite(*asked(by_hand("2022", *model), *model, *options))
    assert ended.status == 8
    assert made_by(ended.out) == set()
    assert "the nearest is" in ended.out
    assert "operators differ" in " ".join(ended.out.split())
