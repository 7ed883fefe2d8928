"""Files for microcontrollers: TFLite Micro runs and measures them, beside the runtimes of the toolchain."""

import json
import os
import subprocess
import sys

import pytest
from command import CASES, RUNTIMES
from recipes import ensured

TINY = (f"{CASES}/tiny.py:network", "--input", "image=1x3x16x16")
MICRO, LITERT = "tflite-micro", RUNTIMES[-1]
# How far from PyTorch each may be in TFLite Micro, over the largest number.
VARIANTS = {"float32": 1e-5, "int8": 0.05, "int8-only": 0.05, "int16x8": 0.02}


@pytest.fixture(scope="module")
def out(converted, any_engine):
    variants = [word for name in VARIANTS for word in ("--variant", name)]
    return converted(*TINY, *variants, "--target", "micro", "--calibration", "random", "--engine", any_engine)


def test_every_variant_that_it_can_run_is_right_there(out, report):
    found = report(out)
    assert found["ok"]
    required = {each["name"]: each["required"] for each in found["runtimes"]}
    assert {name.partition(" ")[0]: asked for name, asked in required.items()} == {
        MICRO: True,
        "tflite-runtime": False,
        "tensorflow-cpu": False,
        "ai-edge-litert": True,
    }
    for variant in found["variants"]:
        (micro,) = (error for name, error in variant["parity"].items() if name.startswith(MICRO))
        assert micro < VARIANTS[variant["name"]], variant["name"]
        assert not any(name.startswith(MICRO) for name in variant["latency_ms"])
    held = [hop for hop in found["hops"] if hop["from"].startswith(MICRO) and hop["to"] == LITERT]
    assert {hop["variant"] for hop in held} == {"int8", "int8-only", "int16x8"}
    assert None not in {hop["tolerance"] for hop in held}


def test_its_arena_is_measured_and_the_file_is_there_as_an_array(out, report):
    found = report(out)
    arenas = {variant["name"]: variant["arena"] for variant in found["variants"]}
    assert 3 * arenas["int8-only"]["tensors"] < arenas["float32"]["tensors"]
    for name, arena in arenas.items():
        assert arena["least"] == arena["tensors"] + arena["kernels"] + arena["structures"]
        assert arena["estimate_32_bit"] < arena["least"]
        assert sum(each["size"] for each in arena["peak"]["tensors"]) <= arena["tensors"]
        source = (out / f"micro-{name}" / "model_data.cc").read_text()
        numbers = source.partition("] = {")[2].partition("}")[0].split(",")
        assert bytes(map(int, numbers)) == (out / f"model.{name}.tflite").read_bytes()
        for method in arena["operators"]:
            assert f"resolver.{method}()" in (out / f"micro-{name}" / "model_operators.h").read_text()


def test_a_device_with_less_memory_than_it_needs(pinlite, report, any_engine):
    asked = ("--target", "micro", "--calibration", "random", "--arena", "3k", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(7, "convert", *TINY, *asked)
    (variant,) = report(pinlite.here / "out")["variants"]
    assert f"int8-only needs an arena of {variant['arena']['least']:,} bytes in tflite-micro" in said
    assert "where --arena has 3,072" in said
    assert f"{variant['arena']['peak']['tensors'][0]['size']:,} bytes" in said


def test_a_grouped_convolution_is_one_operator(pinlite, report, any_engine):
    """Spelled out, it is one for each group between a SPLIT and a CONCATENATION, each with a place in the arena."""
    pinlite.here.mkdir()
    (pinlite.here / "grouped.py").write_text(
        "import torch\n\n\ndef build():\n    return torch.nn.Conv2d(16, 16, 3, groups=4)\n"
    )
    asked = [word for name in VARIANTS for word in ("--variant", name)]
    pinlite.succeeds(
        *("convert", "grouped.py:build", "--input", "x=1x16x8x8", "--target", "micro", *asked),
        *("--calibration", "random", "--engine", any_engine, "--out", "out"),
    )
    for variant in report(pinlite.here / "out")["variants"]:
        assert (variant["ops"].get("CONV_2D"), variant["ops"].get("SPLIT")) == (1, None), variant["name"]
        (micro,) = (error for name, error in variant["parity"].items() if name.startswith(MICRO))
        assert micro < VARIANTS[variant["name"]], variant["name"]


def test_an_operator_that_it_lacks_is_named(pinlite, any_engine):
    pinlite.here.mkdir()
    (pinlite.here / "tiled.py").write_text(
        "import torch\n\n\nclass Tiled(torch.nn.Module):\n    def forward(self, x):\n        return x.repeat(1, 2)\n"
    )
    said = pinlite.refuses(
        *(3, "convert", "tiled.py:Tiled", "--input", "x=1x4", "--target", "micro", "--variant", "float32"),
        *("--engine", any_engine, "--out", "out"),
    )
    assert "TFLite Micro can't run this model: its resolver has no TILE" in said
    assert "docs/devices.md" in said


def test_a_variant_that_it_can_not_run_is_refused_before_any_work(pinlite):
    said = pinlite.refuses(2, "convert", *TINY, "--target", "micro", "--variant", "float16", "--out", "out")
    assert "--variant float16: not every runtime of the target micro can run it" in said
    assert not (pinlite.here / "out").exists()


def test_an_npu_gets_a_file_of_its_own_and_the_plain_one_is_the_same(converted, report, engine):
    asked = ("--variant", "int8-only", "--calibration", "random", "--engine", engine)
    plain, out = (converted(*TINY, *asked, "--target", target) for target in ("micro", "ethos-u55-128"))
    (variant,) = report(out)["variants"]
    npu = variant["npu"]
    assert (plain / variant["path"]).read_bytes() == (out / variant["path"]).read_bytes()
    assert variant["arena"] == report(plain)["variants"][0]["arena"]
    assert (npu["compiler"], npu["accelerator"]) == ("ethos-u-vela 5.2.0", "ethos-u55-128")
    assert npu["macs"] == variant["macs"]
    assert npu["macs_on"] >= 0.95 * npu["macs"]
    assert npu["on"] + len(npu["off"]) == sum(variant["ops"].values())
    again = converted(*TINY, *asked, "--target", "ethos-u55-128", run=2)
    for path in (npu["path"], "micro-int8-only/model_data.cc", "micro-int8-only/model_data.h"):
        assert (out / path).read_bytes() == (again / path).read_bytes()


def test_outputs_are_those_of_litert_s_reference_kernels(tmp_path, any_engine):
    """Of a keyword spotter, whose multiplications are nearly all the NPU's; `make devices` has more."""
    asked = ("--device", "ethos-u55-128", "--only", "ds_cnn", "--engine", any_engine, "--out", tmp_path)
    script = (CASES.parent / "devices" / "run.py", *asked)
    path = {"PYTHONPATH": str(CASES.parent / "zoo")}
    done = subprocess.run([sys.executable, *script], env=os.environ | path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "devices.json").read_text())
    assert found["steps"] == 0
    assert found["macs"] >= 0.95


def test_the_docker_engine_has_all_that_a_device_takes(docker_engine, pinlite, report):
    """The programs of TFLite Micro, Vela and the metadata, in images that have nothing of this machine."""
    ensured(docker_engine)
    asked = ("--target", "ethos-u55-128", "--metadata", "--calibration", "random", "--engine", "docker", "--out", "out")
    pinlite.succeeds("convert", *TINY, *asked)
    (variant,) = report(pinlite.here / "out")["variants"]
    assert variant["arena"]["least"]
    assert variant["npu"]["accelerator"] == "ethos-u55-128"
