"""Models whose batch is left open."""

import numpy as np
from command import CASES, NETWORK, RUNTIMES


def test_a_model_is_taken_to_a_batch_that_pinlite_never_saw(pinlite, engine, converted, report):
    out = converted(*NETWORK, "--dynamic-batch", "--engine", engine)
    found = report(out)
    assert found["ok"]
    runtimes = {"onnxruntime", "tensorflow", *RUNTIMES}
    assert {hop["to"] for hop in found["hops"]} == runtimes | {f"{runtime} at batch 5" for runtime in runtimes}
    (variant,) = found["variants"]
    assert variant["inputs"][0]["shape"] == [None, 3, 16, 16]
    assert variant["outputs"][0]["shape"] == [None, 4]
    images = np.random.default_rng(0).random((2, 3, 16, 16), np.float32)
    pinlite.here.mkdir()

    def ran(model, fed):
        np.savez(pinlite.here / "x.npz", image=fed)
        arguments = (out / model, "--samples", "x.npz", "--out", "y.npz", "--engine", engine)
        pinlite.succeeds("run", *arguments)
        with np.load(pinlite.here / "y.npz") as archive:
            return archive["output"]

    wanted = np.concatenate([ran("model.onnx", image[np.newaxis]) for image in images])
    np.testing.assert_allclose(ran("model.float32.tflite", images), wanted, atol=1e-6)
    assert np.abs(wanted[0] - wanted[1]).max() > 1e-3


def test_some_inputs_have_a_batch_and_others_none(pinlite, any_engine, converted, report):
    inputs = ("--input", "picture=1x3x8x8", "--input", "anchors=6x4")
    out = converted(f"{CASES}/tiny.py:Anchored", *inputs, "--dynamic", "picture.0=batch", "--engine", any_engine)
    found = report(out)
    assert {hop["to"] for hop in found["hops"]} > {f"{runtime} at batch 5" for runtime in RUNTIMES}
    (variant,) = found["variants"]
    assert [entry["shape"] for entry in variant["inputs"]] == [[None, 3, 8, 8], [6, 4]]
    assert [entry["shape"] for entry in variant["outputs"]] == [[None, 6, 4], [6, 4]]
    pinlite.here.mkdir()
    draw = np.random.default_rng(0).random
    np.savez(pinlite.here / "x.npz", picture=draw((3, 3, 8, 8), np.float32), anchors=draw((6, 4), np.float32))
    model = out / "model.float32.tflite"
    pinlite.succeeds("run", model, "--samples", "x.npz", "--out", "y.npz", "--engine", any_engine)
    with np.load(pinlite.here / "y.npz") as archive:
        assert archive["output_0"].shape == (3, 6, 4)
    said = pinlite.refuses(
        *(2, "convert", f"{CASES}/tiny.py:Anchored", *inputs, "--dynamic", "anchors.1=n", "--out", "no")
    )
    assert "only a first dimension, a batch, can stay open" in said
    assert "convert once for each" in said


def test_an_onnx_file_must_have_an_open_batch_itself(pinlite, any_engine, network):
    arguments = (network / "model.onnx", "--dynamic-batch", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(2, "convert", *arguments)
    assert "check-batch-5: the batch of input 'image' is fixed in the ONNX file: [1, 3, 16, 16]" in said
    assert "dynamic_axes" in said
    assert not (pinlite.here / "out").exists()


def test_what_depends_on_the_batch_in_another_way_is_refused_by_name(pinlite, any_engine):
    options = ("--input", "x=1x3", "--dynamic-batch", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(3, "convert", f"{CASES}/refused.py:Counting", *options)
    assert "error: translate: its batch can't be left open: an operand of Add (Add_" in said
    assert "for batches of 5 and of 7" in said
    assert not (pinlite.here / "out").exists()
