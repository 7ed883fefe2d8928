"""Files for browsers: LiteRT.js runs them in Debian's chromium, beside the runtimes of the toolchain."""

import json
import os
import shutil

import pytest
from command import CASES, Command

TINY = (f"{CASES}/tiny.py:network", "--input", "image=1x3x16x16")
WEB = "@litertjs/core 2.5.3"
IMAGE = "litert-js-2.5.3"
# How far from PyTorch each may be there, over the largest number.
VARIANTS = {"float32": 1e-5, "int8": 0.05, "int8-only": 0.05}
BASE = "python-3.11-chromium"


# The docker engine takes two minutes and 900 MB for its base.
@pytest.fixture(scope="module", params=["venv", pytest.param("docker", marks=pytest.mark.nightly)])
def out(request, converted, tmp_path_factory):
    if request.param == "docker":
        request.getfixturevalue("docker_engine")
        Command(tmp_path_factory.mktemp("base")).succeeds("images", "base", BASE)
    elif shutil.which("chromium") is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium")
        pytest.skip("there is no chromium; apt-get install chromium brings it")
    variants = [word for name in VARIANTS for word in ("--variant", name)]
    asked = ("--runtime", "web", "--integer-io", "uint8", "--calibration", "random", "--no-cache")
    return converted(*TINY, *variants, *asked, "--engine", request.param)


def test_every_variant_is_right_there_and_timed(out, report):
    found = report(out)
    assert found["ok"]
    assert {each["name"]: each["required"] for each in found["runtimes"]}[WEB]
    for variant in found["variants"]:
        assert variant["parity"][WEB] < VARIANTS[variant["name"]], variant["name"]
        assert variant["latency_ms"][WEB]["threads"] == 1
    held = [hop for hop in found["hops"] if hop["from"] == WEB]
    assert {hop["variant"] for hop in held} == {"int8", "int8-only"}
    assert None not in {hop["tolerance"] for hop in held}
    # All of the profiles: a page is no slower than it looks.
    assert not any(WEB in entry for profile in found["profiles"] for entry in profile["left_out"])


def test_the_browser_is_told_by_its_version(out, report):
    versions = report(out)["versions"][IMAGE]
    assert versions["@litertjs/core"] == "2.5.3"
    bill = json.loads((out / "sbom.json").read_text())
    held = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}[f"image/{IMAGE}"]
    assert f"pkg:deb/debian/chromium@{versions['chromium']}?distro=bookworm" in held
    assert "pkg:npm/%40litertjs/core@2.5.3" in held


SIGNATURES = """
import torch

shared = torch.nn.Linear(8, 8)


class Step(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = shared

    def forward(self, x, state):
        return self.shared(x) + state


def encoder():
    return torch.nn.Sequential(shared, torch.nn.ReLU())


step = Step
"""
TABLES = """
target = "litert-2"
[[signature]]
name = "encode"
source = "signatures.py:encoder"
input = ["x=1x8"]
[[signature]]
name = "step"
source = "signatures.py:step"
input = ["x=1x8", "state=1x8"]
"""


def test_each_of_several_signatures_is_run_by_its_name(pinlite, any_engine, report):
    pinlite.here.mkdir()
    (pinlite.here / "signatures.py").write_text(SIGNATURES)
    (pinlite.here / "pinlite.toml").write_text(TABLES)
    pinlite.succeeds("convert", "--runtime", "web", "--engine", any_engine, "--out", "out")
    found = report(pinlite.here / "out")
    assert [each["signature"] for each in found["variants"]] == ["encode", "step"]
    assert all(each["parity"][WEB] < 1e-5 for each in found["variants"])
    assert all(each["latency_ms"][WEB]["runs"] for each in found["variants"])


def test_inputs_that_no_page_has_are_refused_by_their_name(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "table.py").write_text("import torch\n\n\ndef build():\n    return torch.nn.Embedding(10, 4)\n")
    asked = ("--input", "input=1x3:int64", "--runtime", "web", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(3, "convert", "table.py:build", *asked)
    assert "LiteRT.js has inputs and outputs of float32, int32, uint8 alone: input is int64" in said
    assert "the file is kept, for tflite-runtime" in said
