"""A stranger's code tries what it must not be able to do, from every place where such code runs."""

import json
import os
import re
import stat

import carriers
import pytest
from command import NETWORK
from conftest import ENTRY, running

FUNCTIONS = ("model", "finetune", "calibration", "evaluate", "metric")
ATTEMPT = re.compile(r"^ATTEMPT (\w+) (\w+) (.*)$", re.MULTILINE)
INPUT = ("--input", "x=1x4")


@pytest.fixture
def convert(pinlite, aims, tmp_path):
    """Convert, and return the outcome of each attempt by who made it and what it was."""
    targets, visits = aims

    def run(*arguments):
        cache = tmp_path / "cache"
        pinlite.succeeds(
            *("convert", *arguments, *INPUT, "--engine", "docker", "--out", "out"),
            entry=ENTRY,
            PINLITE_CACHE=str(cache),
            PINLITE_TEST_SECRET=targets["word"],
        )
        logs = "".join(path.read_text() for path in sorted(cache.glob("logs/*/*.log")))
        assert visits() == 0
        assert running(targets["word"]) == []
        return {(who, what): outcome for who, what, outcome in ATTEMPT.findall(logs)}

    return run


def check(outcomes, who):
    own = {what: outcome for (whose, what), outcome in outcomes.items() if whose == who}
    assert {"ipv4", "host_file", "mount", "sparse", "background"} <= set(own)
    assert [what for what, outcome in own.items() if "SUCCEEDED" in outcome] == []


@pytest.fixture
def functions(pinlite, aims):
    folder = pinlite.here / "stranger"
    folder.mkdir()
    (folder / "attempts.py").write_text(carriers.code(aims[0]))
    (folder / "attack.py").write_text(carriers.FUNCTIONS)
    return folder / "attack.py"


def test_a_model_file_and_functions(convert, functions, pinlite):
    outcomes = convert(
        f"{functions}:build",
        *("--prune", 0.5, "--finetune", f"{functions}:finetune", "--variant", "int8"),
        *("--calibration", f"{functions}:samples", "--evaluate", f"{functions}:labelled"),
        *("--metric", f"{functions}:metric"),
    )
    for who in FUNCTIONS:
        check(outcomes, who)
    assert outcomes["model", "fork"] == "refused: Resource temporarily unavailable"
    out = pinlite.here / "out"
    assert json.loads((out / "report.json").read_text())["ok"]
    for path in [out, *out.rglob("*")]:
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        assert not mode & (stat.S_ISUID | stat.S_ISGID)
        assert path.stat().st_uid == os.getuid()


TOOLCHAINS = ["classic", pytest.param("current", marks=pytest.mark.nightly)]


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_a_checkpoint(convert, pinlite, aims, toolchain):
    program = f"{carriers.code(aims[0])}\nreport('pickle')\nfrom torch import nn\nmodel = nn.Linear(4, 3)\n"
    carriers.checkpoint(pinlite.here / "model.pt", program)
    check(convert("model.pt", "--toolchain", toolchain), "pickle")


@pytest.mark.nightly
def test_the_sample_inputs_of_a_program(convert, pinlite, aims, program):
    """torch.export.load runs what is pickled in a .pt2."""
    code = f"{carriers.code(aims[0])}\nreport('inputs')\nimport torch\nmodel = ((torch.rand(1, 4),), {{}})\n"
    carriers.checkpoint(pinlite.here / "inputs.pt", code)
    pickled = (pinlite.here / "inputs.pt").read_bytes()
    carriers.archive(pinlite.here / "model.pt2", {**program, carriers.SAMPLE_INPUTS: pickled})
    check(convert("model.pt2"), "inputs")


def test_a_store_that_a_stranger_has_filled(convert, functions, pinlite, tmp_path):
    """An honest model takes nothing from it: what it comes to is what it comes to without a store."""
    convert(f"{functions}:build")
    cache = {"PINLITE_CACHE": str(tmp_path / "cache")}
    honest = ("convert", *NETWORK, "--engine", "docker", "--out")
    pinlite.succeeds(*honest, "alone")
    for out in ("first", "again"):
        pinlite.succeeds(*honest, out, **cache)
        for name in ("model.onnx", "model.float32.tflite"):
            assert (pinlite.here / out / name).read_bytes() == (pinlite.here / "alone" / name).read_bytes()
    pinlite.succeeds("cache", "verify", **cache)


def test_a_package_runs_in_the_same_sandbox(convert, functions):
    """What --with adds is installed before any model is seen, and its image is run as every other."""
    functions.write_text(f"import einops\n{carriers.FUNCTIONS}")
    check(convert(f"{functions}:build", "--with", "einops==0.4.1"), "model")
