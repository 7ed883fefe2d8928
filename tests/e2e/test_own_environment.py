"""A model is exported in the user's own environment, from the command line and from a live module."""

import subprocess
import sys
from pathlib import Path

import pytest
from recipes import ensured

import pinlite as package

HOST = Path(package.__file__).parents[1]
NET = """
from torch import nn
import blocks


class Net(nn.Module):
    def __init__(self, size: int | None = None):
        super().__init__()
        self.norm = nn.RMSNorm(4)
        self.linear = nn.Linear(4, size or 2)

    def forward(self, x, mask=None, *, scale=1.0):
        x = self.linear(self.norm(blocks.twice(x))) * scale
        return x if mask is None else x * mask["kept"]
"""
BLOCKS = """
FACTOR = 2


def twice(x):
    return x * FACTOR
"""
SCRIPT = """
import sys
import torch
import pinlite
from net import Net


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.shift = Net(), lambda x: x + 1

    def forward(self, x, mask, scale):
        return self.shift(self.net(x, mask, scale=scale))


model = Outer()
arguments = {"x": torch.rand(1, 4), "mask": {"kept": torch.ones(1, 2)}, "scale": 3.0}
report = pinlite.convert(model, arguments, engine="venv", out="live")
assert report.ok and model.training
print([each.name for each in report.variants[0].inputs])
try:
    pinlite.convert(model, (arguments["x"],), engine="venv")
except pinlite.PinliteError as error:
    print(error.exit_status, error.message)
"""


@pytest.fixture(scope="module")
def own(venv_engine, tmp_path_factory):
    """An environment with torch, as a user has one, and with what pinlite needs."""
    folder = tmp_path_factory.mktemp("own") / "env"
    torch = Path(ensured(venv_engine, "current")["torch"].reference, "environment")
    subprocess.run([torch / "bin" / "python", "-m", "venv", "--without-pip", folder], check=True)
    (mine,), (theirs,) = (each.glob("lib/python*/site-packages") for each in (folder, torch))
    host = next(entry for entry in sys.path if entry.endswith("site-packages"))
    (mine / "own.pth").write_text(f"{theirs}\n{host}\n{HOST}\n")
    return folder


@pytest.fixture
def project(pinlite):
    pinlite.here.mkdir()
    for name, text in (("net.py", NET), ("blocks.py", BLOCKS), ("script.py", SCRIPT)):
        (pinlite.here / name).write_text(text)
    return pinlite


@pytest.mark.parametrize("name", ["venv", pytest.param("docker", marks=pytest.mark.nightly)])
def test_the_environment_exports_whatever_the_engine(project, own, report, request, name):
    ensured(request.getfixturevalue(f"{name}_engine"))
    asked = ("convert", "net.py:Net", "--input", "x=1x4", "--engine", name, "--python", own, "--out", "out")
    assert "--trust" in project.refuses(2, *asked)
    project.succeeds(*asked, "--trust")
    found = report(project.here / "out")
    assert found["ok"]
    assert found["exporter"] == "dynamo"
    assert found["lock"]["environment"]["torch"] == found["versions"]["environment"]["torch"] == "2.13.0+cpu"
    project.succeeds("verify", "out")


def test_a_run_is_held_to_the_packages_of_its_record(project, own):
    (project.here / "pinlite.toml").write_text(
        f'source = "net.py:Net"\ninput = ["x=1x4"]\nengine = "venv"\npython = "{own}"\ntrust = true\n'
    )
    project.succeeds("convert")
    project.succeeds("convert", "--locked")
    assert "--python PATH" in project.refuses(8, "reproduce", "pinlite.lock", "--engine", "venv")
    info = next(own.glob("lib/python*/site-packages")) / "extra-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    said = project.refuses(8, "convert", "--locked")
    assert "extra is new: 1.0" in said


def test_a_live_module_is_converted_where_it_lives(project, own):
    done = subprocess.run(
        [own / "bin" / "python", "script.py"], cwd=project.here, capture_output=True, text=True, check=False
    )
    inputs, refused = done.stdout.splitlines() or [done.stderr, ""]
    assert inputs == "['x', 'mask.kept']"
    assert refused.startswith("2 Outer.forward")
