"""Toolchains of the user's, as the package index answers."""

import pytest

OLD = """
torch==1.9.0
torchvision==0.10.0
onnx==1.10.1
onnxruntime==1.8.1
onnx-tf==1.9.0
tensorflow==2.6.0
numpy==1.19.5
"""
NET = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))
"""


def write(pinlite, name, text):
    pinlite.here.mkdir(exist_ok=True)
    (pinlite.here / name).write_text(text)


@pytest.mark.parametrize(
    ("changed", "options", "told"),
    [
        (("torch==1.9.0", "torch==1.3.0"), (), ["torch==1.3.0", "choose versions that have wheels for CPython 3.11"]),
        (("torch==1.9.0", "torch==1.8.0"), (), ["torchvision==0.10.0", "they don't fit together"]),
        (("", ""), ("--before", "2021-06-01"), ["torch", "as of 2021-06-01"]),
        (("", ""), ("--python", "3.6"), ["no base has Python 3.6", "3.8 or 3.11"]),
    ],
)
def test_what_a_project_had_and_the_index_has_not_is_told(pinlite, changed, options, told):
    write(pinlite, "requirements.txt", OLD.replace(*changed))
    status = 2 if "--python" in options else 5
    said = pinlite.refuses(status, "toolchain", "lock", "mine.toml", "--from", "requirements.txt", *options)
    for words in told:
        assert words in said
    assert not (pinlite.here / "mine.toml").exists()


@pytest.mark.nightly
def test_a_project_of_2021_converts_again(pinlite, report, venv_engine):
    assert venv_engine
    write(pinlite, "requirements.txt", OLD)
    write(pinlite, "net.py", NET)
    pinlite.succeeds("toolchain", "lock", "mine.toml", "--from", "requirements.txt", "--before", "2021-09-01")
    arguments = ("net.py:build", "--input", "image=1x3x8x8", "--engine", "venv", "--toolchain", "mine.toml")
    pinlite.succeeds("convert", *arguments, "--out", "out")
    found = report(pinlite.here / "out")
    assert found["versions"]["tensorflow-2.6.0"]["tensorflow-cpu"] == "2.6.0"
    assert found["ok"]
