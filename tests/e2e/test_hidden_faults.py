"""Faults that samples in [0, 1) don't show, and those that a cosine hides."""

import numpy as np
from command import CASES

FAULTS = f"{CASES}/faults.py"


def computed(pinlite, model, samples, engine):
    """What a file computes, by `pinlite run`."""
    pinlite.succeeds("run", model, "--samples", samples, "--engine", engine, "--out", "y.npz")
    with np.load(pinlite.here / "y.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_a_decision_that_the_export_froze_is_found_on_a_profile(any_engine, pinlite, report):
    arguments = (f"{FAULTS}:Branch", "--input", "x=2x3", "--engine", any_engine, "--out", "out")
    said = pinlite.refuses(7, "convert", *arguments)
    assert "onnxruntime differs from torch" in said
    assert "on the profile `" in said
    assert "frozen" in said
    failed = {hop["profile"] for hop in report(pinlite.here / "out")["hops"] if not hop["passed"]}
    assert "zeros" in failed
    with np.load(pinlite.here / "out/profiles.npz") as arrays:
        np.savez(pinlite.here / "zeros.npz", x=arrays["zeros/x"])
    (output,) = computed(pinlite, "out/model.onnx", "zeros.npz", any_engine).values()
    # The model itself gives 0 - 1, since the sum of zeros is not above 0.
    assert (output == 0).all()
    # Samples of the user's are all that is compared.
    np.savez(pinlite.here / "mine.npz", x=np.ones((2, 3), np.float32))
    pinlite.succeeds("convert", *arguments[:-1], "mine", "--samples", "mine.npz")


def test_scores_beside_boxes_are_lost_in_int8_and_16_bits_meet_a_wrong_kernel(any_engine, pinlite, report):
    pinlite.here.mkdir()
    np.savez(pinlite.here / "c.npz", image=np.random.RandomState(0).normal(size=(32, 3, 8, 8)).astype(np.float32))
    said = pinlite.refuses(
        *(7, "convert", f"{FAULTS}:Head", "--input", "image=1x3x8x8", "--engine", any_engine, "--out", "out"),
        *("--calibration", "c.npz", "--variant", "float32", "--variant", "int8", "--variant", "int16x8"),
    )
    assert "int8 has lost 4 and 5 of 6 along axis 1 of output 'output'" in said
    found = report(pinlite.here / "out")
    (lost,) = [lost for lost in found["lost"] if lost["variant"] == "int8"]
    samples = "out/samples.npz"
    (right,) = computed(pinlite, "out/model.onnx", samples, any_engine).values()
    (integers,) = computed(pinlite, "out/model.int8.tflite", samples, any_engine).values()
    assert np.ptp(right[:, 4:], axis=(0, 2, 3)).max() == np.float32(lost["spread"])
    assert not np.ptp(integers[:, 4:], axis=(0, 2, 3)).any()
    assert np.ptp(integers[:, :4], axis=(0, 2, 3)).any()
    named = {(warned["variant"], warned["stage"]) for warned in found["warnings"]}
    assert ("int16x8", "infer-tensorflow-2.4.1-int16x8") in named
    assert any(
        "tensorflow-cpu 2.4.1 computes LOGISTIC of int16 wrongly" in warned["message"] for warned in found["warnings"]
    )


def test_what_a_model_can_not_be_run_on_is_left_out(any_engine, pinlite, report):
    """TensorFlow 2.4.1's interpreter would read beyond the table, and crash sooner or later."""
    pinlite.succeeds("convert", f"{FAULTS}:Lookup", "--input", "x=2x8", "--engine", any_engine, "--out", "out")
    found = report(pinlite.here / "out")
    left_out = {profile["name"]: profile["left_out"] for profile in found["profiles"]}
    assert (left_out["zeros"], left_out["ties"]) == ([], [])
    assert left_out["large"] == ["torch: it took too long, or the model does not take these samples"]
    assert "large" not in {hop["profile"] for hop in found["hops"]}
