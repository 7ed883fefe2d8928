"""Names and order of inputs and outputs, from the user's model to the TFLite file."""

import numpy as np
import pytest
from command import CASES

READER = (
    *(f"{CASES}/tiny.py:Reader", "--input", "picture=1x3x8x8", "--input", "ids=1x6:int64"),
    *("--input", "mask=1x4:float32"),
)
DIFFERENCE = (f"{CASES}/tiny.py:Difference", "--input", "zebra=1x4", "--input", "ape=1x4")


def listed(tensors):
    return [(tensor["name"], tensor["shape"], tensor["dtype"]) for tensor in tensors]


@pytest.fixture
def reader(converted, any_engine):
    return converted(*READER, "--engine", any_engine)


def test_inputs_and_nested_outputs_keep_their_names_order_and_types(reader, report):
    found = report(reader)
    (variant,) = found["variants"]
    assert listed(variant["inputs"]) == [
        ("picture", [1, 3, 8, 8], "float32"),
        ("ids", [1, 6], "int64"),
        ("mask", [1, 4], "float32"),
    ]
    assert listed(variant["outputs"]) == [
        ("score", [1, 4], "float32"),
        ("parts.0", [1, 4], "float32"),
        ("parts.1.0", [1, 4], "float32"),
        ("all", [1, 8], "float32"),
    ]
    compared = {}
    for hop in (hop for hop in found["hops"] if not hop["profile"]):
        compared.setdefault(hop["to"], []).append(hop["output"])
    assert set(map(tuple, compared.values())) == {("score", "parts.0", "parts.1.0", "all")}


def test_the_map_leads_to_the_right_tensors_of_the_tflite_file(pinlite, converted, any_engine, report):
    out = converted(*DIFFERENCE, "--output-name", "second", "--output-name", "first", "--engine", any_engine)
    (variant,) = report(out)["variants"]
    assert [tensor["name"] for tensor in variant["inputs"]] == ["zebra", "ape"]
    assert [tensor["name"] for tensor in variant["outputs"]] == ["second", "first"]
    values = {"ape": np.float32([[5, 5, 5, 5]]), "zebra": np.float32([[1, 2, 3, 4]])}
    pinlite.here.mkdir()
    np.savez(pinlite.here / "x.npz", **values)
    arguments = ("run", out / "model.float32.tflite", "--samples", "x.npz", "--out", "y.npz")
    pinlite.succeeds(*arguments, "--engine", any_engine)
    with np.load(pinlite.here / "y.npz") as archive:
        got = dict(archive)
    np.testing.assert_equal(got, {"second": np.float32([[4, 3, 2, 1]]), "first": np.float32([[3, 1, -1, -3]])})


def test_a_model_with_channels_last_is_fed_channels_last(pinlite, engine, converted, report):
    options = ("--input", "x=1x3x16x16", "--input-layout", "nhwc", "--output-layout", "nhwc", "--engine", engine)
    out = converted(f"{CASES}/tiny.py:Filter", *options)
    (variant,) = report(out)["variants"]
    assert variant["ops"] == {"CONV_2D": 2}
    for tensor, shape in ((variant["inputs"][0], [1, 16, 16, 3]), (variant["outputs"][0], [1, 16, 16, 2])):
        assert (tensor["layout"], tensor["shape"]) == ("nhwc", shape)
    pinlite.here.mkdir()
    with np.load(out / "samples.npz") as archive:
        assert archive["x"].shape == (1, 3, 16, 16)
        np.savez(pinlite.here / "x.npz", x=archive["x"].transpose(0, 2, 3, 1))
    for model, samples, result in (
        ("model.float32.tflite", "x.npz", "y.npz"),
        ("model.onnx", out / "samples.npz", "z"),
    ):
        pinlite.succeeds("run", out / model, "--samples", samples, "--out", result, "--engine", engine)
    with np.load(pinlite.here / "y.npz") as ours, np.load(pinlite.here / "z") as theirs:
        found, wanted = ours["output"], theirs["output"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_layout_of_no_input_says_which_there_are(pinlite, any_engine):
    arguments = (f"{CASES}/tiny.py:Filter", "--input", "x=1x3x16x16", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(2, "convert", *arguments, "--input-layout", "image=nhwc")
    assert "there is no 'image'" in said
    assert "there are x" in said
    assert not (pinlite.here / "out").exists()


def test_inputs_that_don_t_fit_in_their_order_are_refused(pinlite, any_engine):
    swapped = [READER[0], "--input", "i=1x6:int64", "--input", "p=1x3x8x8", *READER[5:]]
    said = pinlite.refuses(2, "convert", *swapped, "--engine", any_engine, "--out", "out")
    assert "error: export: " in said
    assert "i: [1, 6] of int64, p: [1, 3, 8, 8] of float32" in said


def test_a_wrong_number_of_output_names_says_how_many_there_are(pinlite, any_engine):
    said = pinlite.refuses(2, "convert", *READER, "--output-name", "y", "--engine", any_engine, "--out", "out")
    assert "1 output names for 4 outputs" in said
    assert "4 times" in said
    assert not (pinlite.here / "out").exists()
