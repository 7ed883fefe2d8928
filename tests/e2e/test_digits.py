"""The digits: what techniques and variants cost on the part that was held out, in points of a hundred."""

import pytest
from command import EXAMPLES, RUNTIMES

DIGITS = EXAMPLES / "digits"
NET = f"{DIGITS}/net.py"
VARIANTS = ("float32", "float16", "dynamic", "int8", "int8-only", "int16x8")
TECHNIQUES = {
    "none": (),
    "pruned": ("--prune", "0.5", "--finetune", f"{NET}:finetune"),
    "clustered": ("--cluster", "16", "--finetune", f"{NET}:finetune"),
    "trained": ("--qat", f"{NET}:qat"),
}


@pytest.fixture
def folder(converted, any_engine):
    """The output folder of a technique, with all variants."""
    common = (f"{NET}:build", "--weights", DIGITS / "digits.pt", "--input", "image=1x1x8x8", "--engine", any_engine)
    scored = ("--data", DIGITS / "digits.npz", "--evaluate", f"{NET}:labelled", "--metric", "top-1")
    variants = [option for name in VARIANTS for option in ("--variant", name)]
    calibrated = ("--calibration", DIGITS / "calibration.npz")
    return lambda name: converted(*common, *scored, *variants, *calibrated, *TECHNIQUES[name])


@pytest.fixture
def digits(folder, report):
    """The report of a technique."""
    return lambda name: report(folder(name))


@pytest.fixture
def points(digits):
    """What a technique's variants score in each runtime, by (runtime, variant)."""
    return lambda name: {
        (score["runtime"], score["variant"]): 100 * score["scores"]["top-1"]
        for score in digits(name)["evaluation"]["scores"]
    }


def lost(points, reference, *variants):
    """The most that any runtime loses with one of the variants."""
    return max(reference - score for (_, variant), score in points.items() if variant in variants)


def test_the_network_is_one_that_an_error_would_show_in(points):
    reference = points("none")[("torch", None)]
    assert 97 < reference < 100
    assert points("none")[("onnxruntime", None)] == points("none")[("tensorflow", None)] == reference


def test_variants(points):
    found = points("none")
    reference = found[("torch", None)]
    assert len(found) == 3 + len(RUNTIMES) * len(VARIANTS)
    assert lost(found, reference, "float32", "float16", "dynamic") <= 0.2
    assert lost(found, reference, "int8", "int8-only", "int16x8") <= 1.0


@pytest.mark.nightly
def test_pruned_and_clustered(points, digits):
    reference = points("none")[("torch", None)]
    for name in ("pruned", "clustered"):
        assert lost(points(name), reference, None, *VARIANTS) <= 1.0
    size = digits("pruned")["variants"][0]["size"]
    pruned, clustered = (digits(name)["variants"][0]["gzip_size"] for name in ("pruned", "clustered"))
    assert pruned <= 0.65 * size
    assert clustered <= 0.35 * size


def test_trained_for_int8(points, digits):
    reference = points("none")[("torch", None)]
    assert lost(points("trained"), reference, None, "int8", "int8-only") <= 0.5
    for variant in digits("trained")["variants"]:
        if variant["name"] in ("int8", "int8-only"):
            assert variant["quantization"]["float_operators"] == {}
            (output,) = variant["outputs"]
            step = output["scale"]
            steps = [
                hop["max_abs_error"] / step
                for hop in digits("trained")["hops"]
                if hop["variant"] == variant["name"] and hop["from"] == "torch" and not hop["profile"]
            ]
            assert max(steps) <= 1.001


def test_what_is_not_trained_has_the_ranges_of_the_earlier_file(pinlite, any_engine, folder, report):
    pinlite.here.mkdir()
    (pinlite.here / "tuning.py").write_text("def idle(model):\n    pass\n")
    common = (f"{NET}:build", "--weights", DIGITS / "digits.pt", "--input", "image=1x1x8x8", "--engine", any_engine)
    begun = ("--qat", "tuning.py:idle", "--qat-ranges", folder("none"), "--variant", "int8", "--out", "out")
    pinlite.succeeds("convert", *common, *begun)
    earlier, found = report(folder("none")), report(pinlite.here / "out")
    assert "8 of 8 ranges begin with those of --qat-ranges" in [note["message"] for note in found["notes"]]
    (wanted,) = [each for each in earlier["variants"] if each["name"] == "int8"]
    (trained,) = found["variants"]
    for side in ("inputs", "outputs"):
        (one,), (other,) = wanted[side], trained[side]
        assert other["scale"] == pytest.approx(one["scale"], rel=1e-6)
        assert other["zero_point"] == one["zero_point"]


@pytest.mark.nightly
def test_what_each_technique_left(digits):
    none, pruned = digits("pruned")["training"]
    assert (none["sparsity"], round(pruned["sparsity"], 3)) == (0, 0.5)
    _, clustered = digits("clustered")["training"]
    assert {layer["distinct"] for layer in clustered["layers"]} == {16}
    assert [step["technique"] for step in digits("trained")["training"]] == ["none", "qat"]
    assert digits("none")["training"] == []


def test_a_metric_of_one_s_own(pinlite, any_engine, report):
    (pinlite.here).mkdir()
    (pinlite.here / "mine.py").write_text(
        "import numpy as np\n\n\ndef labelled():\n    for at in range(3):\n"
        "        yield np.full((1, 1, 8, 8), at / 3, np.float32), np.zeros((1, 10), np.float32)\n\n\n"
        "def largest(outputs, labels):\n    (output,) = outputs.values()\n"
        "    assert output.shape == labels.shape == (3, 1, 10)\n    return np.abs(output).max()\n"
    )
    asked = ("--evaluate", "mine.py:labelled", "--metric", "mine.py:largest", "--metric", "mse")
    pinlite.succeeds(
        *("convert", f"{NET}:build", "--input", "image=1x1x8x8", "--engine", any_engine, "--out", "out"), *asked
    )
    scores = [score["scores"] for score in report(pinlite.here / "out")["evaluation"]["scores"]]
    assert len(scores) == 3 + len(RUNTIMES)
    for score in scores:
        assert score["largest"] == pytest.approx(scores[0]["largest"], rel=1e-4)
        assert score["mse"] == pytest.approx(scores[0]["mse"], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (
            ("--prune", "0.5", "--finetune", "tuning.py:fails"),
            2,
            ["export: fails fails: ValueError: no", "tuning.py:5"],
        ),
        (("--cluster", "4", "--finetune", "tuning.py:returns"), 2, ["returns returns a value of type float"]),
        (("--prune", "0.5", "--finetune", "tuning.py:changes"), 2, ["changes changes the architecture: head."]),
        (("--qat", "tuning.py:idle"), 2, ["idle does not run the model"]),
        (("--evaluate", "tuning.py:idle"), 2, ["gather: idle can't be called with 0 argument(s)"]),
    ],
    ids=lambda value: value[-1].rpartition(":")[2] if isinstance(value, tuple) else None,
)
def test_functions_that_do_wrong(pinlite, any_engine, options, status, words):
    pinlite.here.mkdir()
    (pinlite.here / "tuning.py").write_text(
        "from torch import nn\n\n\ndef fails(model):\n    raise ValueError('no')\n\n\n"
        "def returns(model):\n    return 0.5\n\n\n"
        "def changes(model):\n    model.head = nn.Linear(64, 5)\n\n\n"
        "def idle(model):\n    pass\n"
    )
    common = ("convert", f"{NET}:build", "--input", "image=1x1x8x8", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(status, *common, *options)
    assert all(word in said for word in words), said
    assert not (pinlite.here / "out").exists()
