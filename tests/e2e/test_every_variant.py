"""Every variant as a user makes it, on both engines."""

import itertools
import json

import numpy as np
import pytest
from command import CASES, EXAMPLES, NETWORK, RUNTIMES

ALL = ("float32", "float16", "dynamic", "int8", "int8-only", "int16x8")
MOBILENET = (f"{EXAMPLES}/mobilenet_v2.py:mobilenet_v2", "--input", "input=1x3x224x224")
RESNET = (f"{EXAMPLES}/resnet18.py:resnet18", "--input", "input=1x3x224x224")
READER = (f"{CASES}/tiny.py:Reader", "--input", "picture=1x3x8x8", "--input", "ids=1x5:int64", "--input", "mask=1x4")


def variants(*names):
    return [word for name in names for word in ("--variant", name)]


@pytest.fixture(scope="session")
def all_variants(converted):
    """The network in all variants, calibrated on what a function of the user's yields."""
    options = (*variants(*ALL), "--calibration", f"{CASES}/calibrating.py:images")
    return lambda engine, run=1: converted(*NETWORK, *options, "--engine", engine, run=run)


def test_all_variants_come_of_one_run_and_are_near_to_torch(all_variants, engine, report):
    found = report(all_variants(engine))
    assert found["ok"]
    assert [variant["name"] for variant in found["variants"]] == list(ALL)
    assert found["calibration"]["samples"] == 12
    # 8 bits of a signal that fills most of its range, thrice.
    for variant in found["variants"]:
        assert all(cosine > 0.999 for cosine in variant["cosine"].values()), variant["name"]
        assert list(variant["parity"]) == RUNTIMES
    judged = {
        hop["variant"]: hop["tolerance"] for hop in found["hops"] if hop["from"] == "torch" and not hop["profile"]
    }
    assert judged == {None: 1e-4, **dict.fromkeys(ALL), "float32": 1e-4, "float16": 0.02}
    between = [hop for hop in found["hops"] if hop["from"] in RUNTIMES and not hop["profile"]]
    pairs = list(itertools.combinations(RUNTIMES, 2))
    assert [(hop["from"], hop["to"]) for hop in between] == pairs * len(ALL[2:])
    assert [hop["variant"] for hop in between] == [name for name in ALL[2:] for _ in pairs]
    assert all(hop["tolerance"] >= 0.1 and hop["passed"] for hop in between)


def test_all_variants_are_the_same_bytes_in_both_engines_and_in_two_runs(all_variants, engine):
    reference = all_variants("venv")
    again = all_variants(engine, run=2 if engine == "venv" else 1)
    assert reference != again
    for name in [*(f"model.{variant}.tflite" for variant in ALL), "calibration.npz"]:
        assert (again / name).read_bytes() == (reference / name).read_bytes(), name


def test_a_file_of_integers_says_how_they_are_meant(all_variants, engine, report, pinlite):
    out = all_variants(engine)
    found = {variant["name"]: variant for variant in report(out)["variants"]}
    for name in ("int8", "int8-only", "int16x8"):
        assert found[name]["quantization"]["float_operators"] == {}
        assert found[name]["quantization"]["per_channel"] > 0
        assert all(tensor["scale"] > 0 for tensor in found[name]["inputs"] + found[name]["outputs"])
    assert [tensor["dtype"] for tensor in found["int8-only"]["inputs"]] == ["int8"]
    inspected = json.loads(
        pinlite.succeeds("inspect", out / "model.int8-only.tflite", "--engine", engine, "--json").out
    )
    (graph,) = inspected["found"]["graphs"]
    assert all(graph["tensors"][at]["scale"] > 0 for at in graph["inputs"] + graph["outputs"])
    assert not any("float32" in each["types"] for each in inspected["operators"])
    # Two programs have counted them, of the same definition.
    assert (inspected["macs"], inspected["found"]["parameters"]) == (
        found["int8-only"]["macs"],
        found["int8-only"]["parameters"],
    )


def test_floats_can_be_run_through_a_file_of_integers(all_variants, any_engine, pinlite):
    out = all_variants(any_engine)
    arguments = ("run", out / "model.int8-only.tflite", "--samples", out / "samples.npz", "--out", "y.npz")
    pinlite.succeeds(*arguments, "--engine", any_engine)
    with np.load(pinlite.here / "y.npz") as outputs:
        (output,) = outputs.values()
    assert output.dtype == np.int8
    assert len(np.unique(output)) > 1


def test_mobilenet_v2_shrinks_and_stays_near(converted, any_engine, report):
    found = report(converted(*MOBILENET, *variants(*ALL), "--calibration", "random", "--engine", any_engine))
    assert found["ok"]
    sizes = {variant["name"]: variant["size"] for variant in found["variants"]}
    assert sizes["float16"] <= 0.52 * sizes["float32"]
    for name in ALL[2:]:
        assert sizes[name] <= (0.31 if name == "int16x8" else 0.30) * sizes["float32"], name
    for variant in found["variants"]:
        # Untrained, it carries every rounding through 52 layers.
        assert all(cosine > 0.99 for cosine in variant["cosine"].values()), variant["name"]


@pytest.mark.nightly
def test_resnet18_shrinks_and_stays_near(converted, any_engine, report):
    names = ("float32", "float16", "dynamic", "int8")
    found = report(converted(*RESNET, *variants(*names), "--calibration", "random", "--engine", any_engine))
    assert found["ok"]
    sizes = {variant["name"]: variant["size"] for variant in found["variants"]}
    assert sizes["float16"] <= 0.52 * sizes["float32"]
    assert max(sizes["dynamic"], sizes["int8"]) <= 0.30 * sizes["float32"]
    assert all(cosine > 0.999 for variant in found["variants"] for cosine in variant["cosine"].values())


def test_several_inputs_are_calibrated_by_name(converted, engine, report):
    options = (*variants("int8"), "--calibration", f"{CASES}/calibrating.py:reading", "--engine", engine)
    found = report(converted(*READER, *options))
    assert found["ok"]
    scales = {tensor["name"]: tensor["scale"] for tensor in found["variants"][0]["inputs"]}
    assert scales["ids"] is None
    assert scales["mask"] > 50 * scales["picture"]


def test_images_are_calibrated_on_as_the_report_says(any_engine, report, pinlite):
    photos = pinlite.here / "photos"
    photos.mkdir(parents=True)
    for number in range(4):
        pixels = np.random.RandomState(number).randint(0, 256, (20, 24, 3)).astype(np.uint8)
        (photos / f"{number}.bmp").write_bytes(_bmp(pixels))
    options = ("--calibration", photos, "--mean", "0.5", "--std", "0.5,0.25,0.5", "--engine", any_engine)
    pinlite.succeeds("convert", *NETWORK, *variants("int8-only"), *options, "--integer-io", "uint8", "--out", "out")
    found = report(pinlite.here / "out")
    assert found["calibration"]["samples"] == 4
    for words in ("4 images as RGB", "16x16", "less 0.5", "over 0.5, 0.25, 0.5"):
        assert words in found["calibration"]["preparation"]
    assert found["variants"][0]["inputs"][0]["dtype"] == "uint8"
    with np.load(pinlite.here / "out" / "calibration.npz") as arrays:
        assert arrays["image"].shape == (4, 1, 3, 16, 16)
        assert arrays["image"][:, :, 1].min() < -1.5


def _bmp(pixels):
    """An uncompressed image of 24 bits, bottom up, whose rows have a multiple of 4 bytes."""
    height, width, _ = pixels.shape
    body = pixels[::-1, :, ::-1].tobytes()
    header = b"BM" + np.array([54 + len(body), 0, 54, 40, width, height], "<u4").tobytes()
    return (
        header + np.array([1, 24], "<u2").tobytes() + np.array([0, len(body), 2835, 2835, 0, 0], "<u4").tobytes() + body
    )


def test_an_operator_without_integers_ends_int8_only_and_leaves_the_others(engine, report, pinlite):
    options = (*variants("float32", "int8", "int8-only"), "--calibration", "random", "--engine", engine)
    words = ("convert", f"{CASES}/floating.py:Rounded", "--input", "image=1x3x8x8", *options, "--out", "out")
    said = pinlite.refuses(3, *words)
    assert "convert-int8-only: 1 operator(s) compute in floats: FLOOR (" in said
    assert "--variant int8" in said
    out = pinlite.here / "out"
    assert sorted(path.name for path in out.glob("*.tflite")) == ["model.float32.tflite", "model.int8.tflite"]
    found = report(out)
    assert found["ok"] is False
    assert [(failure["variant"], failure["exit_status"]) for failure in found["failures"]] == [("int8-only", 3)]
    int8 = found["variants"][1]
    assert int8["quantization"]["float_operators"] == {"FLOOR": 1}


@pytest.mark.parametrize(
    ("callable_", "words"),
    [
        ("nothing", "yields no sample"),
        ("failing", "ValueError: no more of them (calibrating.py:24)"),
        ("infinite", "infinities"),
        ("absent", "has no absent"),
        ("reading", "3 values for 1 inputs"),
    ],
)
def test_functions_that_give_no_samples_are_refused(any_engine, pinlite, callable_, words):
    options = (*variants("int8"), "--calibration", f"{CASES}/calibrating.py:{callable_}", "--engine", any_engine)
    assert words in pinlite.refuses(2, "convert", *NETWORK, *options, "--out", "out")
    assert not (pinlite.here / "out").exists()


def test_the_wrong_word_and_the_wrong_arrays_are_refused_before_any_work(any_engine, pinlite):
    pinlite.here.mkdir(exist_ok=True)
    asked = ("convert", *NETWORK, *variants("int8"), "--engine", any_engine, "--out", "out")
    assert "needs --calibration" in pinlite.refuses(2, *asked)
    assert "'rnadom'" in pinlite.refuses(2, *asked, "--calibration", "rnadom")
    assert "'int4'" in pinlite.refuses(2, *asked, "--variant", "int4")
    for array, words in (
        (np.zeros((3, 3, 16, 16), np.float32), "everywhere"),
        (np.full((3, 3, 16, 16), np.nan, np.float32), "NaN"),
        (np.ones((3, 3, 16), np.float32), "3x3x16"),
        (np.random.RandomState(0).uniform(size=(3, 3, 16, 16)), "float64"),
        (np.zeros((0, 3, 16, 16), np.float32), "empty"),
    ):
        np.savez(pinlite.here / "c.npz", image=array)
        assert words in pinlite.refuses(2, *asked, "--calibration", "c.npz")
    np.savez(pinlite.here / "d.npz", picture=np.random.RandomState(0).uniform(size=(3, 3, 16, 16)).astype(np.float32))
    assert "named picture" in pinlite.refuses(2, *asked, "--calibration", "d.npz")
    assert not (pinlite.here / "out").exists()
