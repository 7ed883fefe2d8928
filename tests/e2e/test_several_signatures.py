"""One file of several signatures: an encoder, and a decoder's step that takes and gives its state."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command import CASES, EXAMPLES, RUNTIMES, Command

HERE = Path(__file__).parent
OLD, OLDEST, NEW = RUNTIMES
EXAMPLE = EXAMPLES / "encoder_decoder"
# What the embedding and the dense layer take that both signatures have, in bytes of float32.
SHARED = 4 * (1000 * 64 + 64 * 64 + 64)
VARIANTS = ("float32", "weight-int8", "int8")


@pytest.fixture(scope="module")
def here(tmp_path_factory, any_engine):
    """The example, converted in its folder."""
    folder = tmp_path_factory.mktemp("encoder_decoder")
    for name in ("net.py", "pinlite.toml"):
        shutil.copyfile(EXAMPLE / name, folder / name)
    asked = [word for name in VARIANTS for word in ("--variant", name)]
    Command(folder).succeeds("convert", *asked, "--calibration", "random", "--engine", any_engine)
    return folder


@pytest.fixture(scope="module")
def out(here):
    return here / "build" / "encode-step"


@pytest.fixture(scope="module")
def ran(environments, tmp_path_factory):
    """What a runtime gives of the samples of a signature, by name."""

    def run(image, model, key, samples):
        outputs = tmp_path_factory.mktemp("ran") / "y.npz"
        python = Path(environments[image].reference, "environment", "bin", "python")
        subprocess.run([python, HERE / "run_signature.py", model, samples, outputs, key], check=True)
        return read(outputs)

    return run


def read(path):
    with np.load(path) as archive:
        return dict(archive)


def test_the_folder_is_whole(out, pinlite):
    assert {path.name for path in out.iterdir()} == {
        *(f"model.{name}.tflite" for name in VARIANTS),
        *("encode", "step", "report.json", "sbom.json", "provenance.json", "provenance.json.sha256"),
    }
    for name in ("encode", "step"):
        kept = {"model.onnx", "saved_model", "samples.npz", "profiles.npz", "operators.json", "model.graph.txt"}
        assert {path.name for path in (out / name).iterdir()} == kept | {"calibration.npz"}
    pinlite.succeeds("verify", out)


def test_every_signature_is_right_in_every_runtime_that_runs_it(out, report):
    found = report(out)
    assert found["ok"]
    assert [each["name"] for each in found["signatures"]] == ["encode", "step"]
    assert [(each["signature"], each["name"]) for each in found["variants"]] == [
        (signature, name) for signature in ("encode", "step") for name in VARIANTS
    ]
    for variant in found["variants"]:
        ran_in = {OLD, OLDEST, NEW} if variant["signature"] == "encode" else {OLD, NEW}
        if variant["name"] == "float32":
            assert set(variant["parity"]) == ran_in
            assert max(variant["parity"].values()) < 1e-5
        assert NEW in variant["parity"]
        assert NEW in variant["latency_ms"]
    skipped = {stage["name"]: stage["reason"] for stage in found["stages"] if stage["source"] == "skipped"}
    assert "runs the first signature of a file alone" in skipped["infer-tensorflow-2.4.1-step"]


def test_what_one_signature_gives_the_other_one_takes(out, ran, tmp_path):
    model = out / "model.float32.tflite"
    stepped = []
    for image in ("tflite-2.14.0", "litert-2.3.0"):
        state = ran(image, model, "encode", out / "encode" / "samples.npz")["state"]
        np.savez(tmp_path / "step.npz", token=np.int64([7]), state=state)
        stepped.append(ran(image, model, "step", tmp_path / "step.npz"))
    one, other = stepped
    assert {name: array.shape for name, array in one.items()} == {"scores": (1, 1000), "next_state": (1, 64)}
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-4 * np.abs(other[name]).max())


def test_run_takes_a_signature_by_its_name(out, any_engine, pinlite):
    asked = ("run", out / "model.float32.tflite", "--samples", out / "step" / "samples.npz", "--engine", any_engine)
    pinlite.succeeds(*asked, "--signature", "step", "--out", "y.npz")
    assert {name: array.shape for name, array in read(pinlite.here / "y.npz").items()} == {
        "scores": (1, 1000),
        "next_state": (1, 64),
    }
    said = pinlite.refuses(2, *asked, "--signature", "steps")
    assert "the TFLite file has no signature 'steps'" in said
    assert "hint: it has encode, step" in said
    model = out / "encode" / "model.onnx"
    assert "is no TFLite file" in pinlite.refuses(
        2, "run", model, "--samples", out / "encode" / "samples.npz", "--signature", "step"
    )


def test_weights_in_common_are_there_once(out, here, report, any_engine, pinlite):
    alone = here / "alone"
    pinlite.succeeds(
        *("convert", here / "net.py:encoder", "--input", "tokens=1x16:int64", "--engine", any_engine),
        *("--target", "litert-2", "--out", alone),
    )
    joined, one = ((folder / "model.float32.tflite").stat().st_size for folder in (out, alone))
    # A GRU of its own, and some operators.
    assert joined - one < 4 * 2 * (3 * 64 * 64 + 3 * 64) + 20_000 < SHARED
    (said,) = (each["message"] for each in report(out)["notes"] if "model.float32.tflite" in each["message"])
    assert "constants once that its signatures have in common" in said


@pytest.mark.usefixtures("out")
def test_the_same_again(here, pinlite, any_engine):
    pinlite.succeeds("reproduce", here / "pinlite.lock", "--engine", any_engine)


def test_it_is_shown_by_name(out, pinlite, tmp_path):
    told = pinlite.succeeds("inspect", out / "model.float32.tflite", "--engine", "venv").out
    assert "signature encode" in told
    assert "signature step" in told
    table = pinlite.succeeds("report", out).out
    assert "step weight-int8" in table
    pinlite.succeeds("report", out, "--html", tmp_path / "page.html")
    assert "encode float32" in (tmp_path / "page.html").read_text()
    compared = json.loads(pinlite.succeeds("report", out, out, "--json").out)
    assert [(each["signature"], each["same"]) for each in compared["variants"]][:1] == [("encode", True)]


def test_what_is_for_one_model_is_refused(out, pinlite):
    assert "files of several signatures, encode, step" in pinlite.refuses(2, "debug", out)


def test_a_variant_that_one_signature_can_not_have_is_in_no_file(any_engine, report, tmp_path):
    (tmp_path / "pinlite.toml").write_text(
        'target = "litert-2"\nvariant = ["float32", "int8-only"]\ncalibration = "random"\n'
        f'[[signature]]\nname = "plain"\nsource = "{CASES}/tiny.py:network"\ninput = ["image=1x3x16x16"]\n'
        f'[[signature]]\nname = "floor"\nsource = "{CASES}/floating.py:Rounded"\ninput = ["image=1x3x8x8"]\n'
    )
    said = Command(tmp_path).refuses(3, "convert", "--engine", any_engine)
    assert "convert-int8-only-floor: 1 operator(s) compute in floats: FLOOR (" in said
    found = report(tmp_path / "build" / "plain-floor")
    assert [(each["signature"], each["name"]) for each in found["variants"]] == [
        ("plain", "float32"),
        ("floor", "float32"),
    ]
    assert [(each["variant"], each["stage"]) for each in found["failures"]] == [
        ("int8-only", "convert-int8-only-floor")
    ]
    assert not (tmp_path / "build" / "plain-floor" / "model.int8-only.tflite").exists()


def test_an_open_batch_is_open_in_each(any_engine, report, tmp_path):
    (tmp_path / "pinlite.toml").write_text(
        'target = "tflite-2.10"\ndynamic-batch = true\n'
        f'[[signature]]\nname = "one"\nsource = "{CASES}/tiny.py:network"\ninput = ["image=1x3x16x16"]\n'
        f'[[signature]]\nname = "two"\nsource = "{CASES}/tiny.py:network"\ninput = ["image=1x3x8x8"]\n'
    )
    Command(tmp_path).succeeds("convert", "--engine", any_engine)
    found = report(tmp_path / "build" / "one-two")
    wide = {(hop["signature"], hop["to"]) for hop in found["hops"] if hop["to"].endswith("at batch 5")}
    assert {("one", f"{OLD} at batch 5"), ("two", f"{OLD} at batch 5"), ("two", f"{NEW} at batch 5")} <= wide
    assert all(hop["passed"] for hop in found["hops"])
