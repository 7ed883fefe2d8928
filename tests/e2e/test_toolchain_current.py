"""PyTorch of today: files that say so are converted by the toolchain current, and code that needs it is told."""

import pytest
from conftest import made
from recipes import ensured

OF_TODAY = """
from torch import nn


class Net(nn.Module):
    def __init__(self, size: int | None = None):
        super().__init__()
        self.linear = nn.Linear(4, size or 2)

    def forward(self, x):
        return self.linear(x)
"""


@pytest.fixture(scope="module")
def programs(venv_engine, tmp_path_factory):
    """What make_programs.py writes."""
    return made("make_programs.py", ensured(venv_engine, "current")["torch"], tmp_path_factory.mktemp("programs"))


@pytest.mark.parametrize("name", ["venv", pytest.param("docker", marks=pytest.mark.nightly)])
def test_a_program_is_converted_on_its_own_inputs(pinlite, programs, report, request, name):
    ensured(request.getfixturevalue(f"{name}_engine"), "current")
    asked = ("convert", programs / "block.pt2", "--engine", name, "--out", "out")
    if name == "venv":
        assert "is a program" in pinlite.refuses(2, *asked)
    pinlite.succeeds(*asked, "--trust")
    found = report(pinlite.here / "out")
    assert found["ok"]
    assert (found["toolchain_name"], found["exporter"], found["opset"]) == ("current", "dynamo", 20)
    assert found["lock"]["toolchain"] == "current"
    assert found["versions"]["torch-2.13.0"]["torch"] == "2.13.0+cpu"
    assert ("torch", "onnxruntime-1.32.0") in {(hop["from"], hop["to"]) for hop in found["hops"]}
    assert [tensor["shape"] for tensor in found["variants"][0]["inputs"]] == [[1, 6, 16]]


def test_code_of_today_is_told_where_it_runs(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "net.py").write_text(OF_TODAY)
    said = pinlite.refuses(2, "convert", "net.py:Net", "--input", "x=1x4", "--engine", any_engine)
    assert "--toolchain current" in said
    assert "its log is" not in said
