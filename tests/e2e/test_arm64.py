"""Files in a runtime on Arm, by the machine's own processor or an emulator in the docker engine."""

import json

import pytest
from command import CASES
from recipes import ensured

from pinlite import toolchain
from pinlite.engine.docker import DockerEngine
from pinlite.errors import NoEngineError
from pinlite.machine import processor
from pinlite.toolchain import bases

TINY = (f"{CASES}/tiny.py:network", "--input", "image=1x3x16x16", "--runtime", "arm64")
ARM, IMAGE = "linux/arm64", "tflite-2.14.0-arm64"


@pytest.fixture(scope="module")
def emulator(docker_engine: DockerEngine) -> str:
    """What runs programs for Arm, "" where nothing does."""
    try:
        return docker_engine.emulator(ARM)
    except NoEngineError:
        return ""


def test_the_venv_engine_has_none_of_another_processor(pinlite):
    if processor.platform() == ARM:
        pytest.skip("this machine is one")
    said = pinlite.refuses(4, "convert", *TINY, "--engine", "venv", "--no-cache", "--out", "out")
    assert f"{IMAGE} is for {ARM}, and the venv engine runs what is for this machine" in said
    assert "take --engine docker" in said
    assert not (pinlite.here / "out").exists()


def test_without_an_emulator_it_is_refused_before_any_work(pinlite, emulator):
    if emulator:
        pytest.skip(f"there is one: {emulator}")
    said = pinlite.refuses(4, "convert", *TINY, "--engine", "docker", "--no-cache", "--out", "out")
    assert f"the Docker engine runs no programs for {ARM}: no emulator is registered for them" in said
    assert "hint: register qemu-user" in said
    assert "--install arm64" in said
    assert not (pinlite.here / "out").exists()


@pytest.mark.nightly
def test_it_is_compared_with_itself_on_x86_64(pinlite, converted, report, docker_engine, emulator):
    if not emulator:
        pytest.skip(f"nothing runs programs for {ARM}: `pinlite doctor` says what to do")
    base = bases.load()["python-3.11-arm64"]
    if docker_engine.base(base) is None:
        pytest.skip(f"there is no {base.name}: {bases.command(base)}")
    ensured(docker_engine)
    out = converted(
        *TINY, "--variant", "float32", "--variant", "int8-only", "--calibration", "random", "--engine", "docker"
    )
    found = report(out)
    assert found["ok"]
    arm, usual, *_ = found["runtimes"]
    assert arm["name"] == f"{usual['name']} arm64"
    assert (arm["platform"], arm["emulator"]) == (ARM, emulator if emulator.startswith("qemu") else "")
    between = {
        hop["variant"]: hop
        for hop in found["hops"]
        if (hop["from"], hop["to"], hop["profile"]) == (arm["name"], usual["name"], None)
    }
    assert between["float32"]["max_rel_error"] <= 1e-5
    assert between["int8-only"]["apart"]["values"] > 0
    for variant in found["variants"]:
        assert (arm["name"] in variant["latency_ms"]) == (arm["emulator"] == "")
    told = {note["stage"]: note["message"] for note in found["notes"]}
    if arm["emulator"]:
        note = f"tflite-runtime on aarch64 is not timed: {emulator} takes the processor's place"
        assert {told[f"time-{IMAGE}"], told[f"time-{IMAGE}-int8-only"]} == {note}
    statement = json.loads((out / "provenance.json").read_text())
    dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    (image,) = (each for each in dependencies if each["name"] == f"image/{IMAGE}")
    assert image["annotations"]["platform"] == ARM
    assert image["annotations"].get("emulator", "") == arm["emulator"]
    pinlite.succeeds("verify", out)
    assert IMAGE in {recipe.name for recipe in toolchain.every_recipe()}
