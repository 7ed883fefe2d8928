"""What is a fault on samples that were made to find faults, and what is rounding."""

import numpy as np
import pytest

from pinlite.parity import profiles
from pinlite.parity.profiles import Computed, Judge

SAMPLE = np.array([1.0, -2.0, 0.5, 0.0])
OTHER = np.array([3.0, -4.0, 1.0, 0.0])
TOLERANCES = {None: 1e-4, "float32": 1e-4, "float16": 2e-2}


def computed(runtime, array=None, variant=None, profile="normal"):
    """What a runtime made of the samples, always the same, and of a profile, if it ran that."""
    made = {} if array is None else {profile: {"y": array}}
    return Computed(runtime, variant, {"y": SAMPLE}, made)


def judged(torch, onnx, *tflite, variant="float32", profile="normal", operators=(), source="torch"):
    """(passed, tolerance) by runtime; tflite's are a, b and so on. Without torch, onnxruntime is the reference."""
    peers = [computed("onnxruntime", onnx, profile=profile)] if onnx is not None else [computed("onnxruntime")]
    peers += [
        computed(name, array, variant=variant, profile=profile) for name, array in zip("abc", tflite, strict=False)
    ]
    if source == "torch":
        judge = Judge(computed("torch", torch, profile=profile), peers[0], peers, operators)
    else:
        judge = Judge(peers[0], None, peers[1:], operators)
    hops = list(judge.hops(TOLERANCES))
    assert all(hop.profile == profile and hop.origin == judge.reference.runtime for hop in hops)
    return {hop.to: (hop.passed, hop.tolerance) for hop in hops}


def failed(*arrays, **options):
    return [runtime for runtime, (passed, _) in judged(*arrays, **options).items() if not passed]


def test_equal_outputs_pass_the_tolerance():
    assert judged(OTHER, OTHER, OTHER, OTHER) == {
        "onnxruntime": (True, 1e-2),
        "a": (True, 1e-4),
        "b": (True, 1e-4),
    }


def test_a_lowering_that_is_wrong_is_wrong_in_both_runtimes():
    assert failed(OTHER, OTHER, OTHER + 0.01, OTHER + 0.01) == ["a", "b"]
    assert failed(OTHER, OTHER, OTHER + 2e-4, OTHER + 2e-4) == []  # of 4, it is less than the tolerance


def test_what_one_runtime_alone_computes_is_told():
    assert judged(OTHER, OTHER, OTHER + 0.1, OTHER)["a"] == (True, None)
    assert judged(OTHER, OTHER, OTHER + 0.1, OTHER - 0.1)["a"] == (True, None)


def test_an_export_that_is_wrong_is_wrong_in_all_that_follows():
    found = judged(OTHER, OTHER + 1, OTHER + 1, OTHER + 1)
    assert found == {"onnxruntime": (False, 1e-2), "a": (True, None), "b": (True, None)}


def test_what_float32_has_no_digits_for_is_told():
    rounding = [OTHER + np.array(noise) for noise in ([0.4, 0, 0, 0], [0, 0.4, 0, 0], [0, 0, 0.4, 0])]
    assert failed(OTHER, *rounding) == []


def test_a_difference_counts_beyond_ten_times_that_of_onnxruntime():
    noisy = OTHER + 4e-4
    assert judged(OTHER, noisy, OTHER + 0.01, OTHER + 0.01)["a"] == (False, pytest.approx(1e-3, rel=1e-2))
    assert failed(OTHER, noisy, OTHER + 3e-3, OTHER + 3e-3) == []


def test_differences_are_relative_to_the_output_on_the_samples_too():
    # A normalization of nothing: all that is left is rounding, of which both runtimes have the same.
    assert failed(np.zeros(4), np.zeros(4), np.full(4, 1e-4), np.full(4, 1e-4)) == []
    assert failed(np.zeros(4), np.zeros(4), np.full(4, 1e-2), np.full(4, 1e-2)) == ["a", "b"]


def test_an_output_that_is_not_finite_is_left_out():
    for array in ([np.nan, 1, 2, 3], [np.inf, 1, 2, 3]):
        assert judged(np.array(array), np.array(array), OTHER, OTHER) == {}
    # In TFLite's alone it is a fault.
    wrong = np.array([np.nan, -4, 1, 0])
    assert failed(OTHER, OTHER, wrong, wrong) == ["a", "b"]
    assert failed(OTHER, OTHER, OTHER[:2], OTHER[:2]) == ["a", "b"]


def test_what_a_runtime_did_not_run_is_not_compared():
    judge = Judge(computed("torch", OTHER), computed("onnxruntime"), [computed("a")], ())
    assert list(judge.hops(TOLERANCES)) == []
    # Without onnxruntime nothing says how much float32 is worth there.
    assert judged(OTHER, None, OTHER + 1, OTHER + 1) == {"a": (True, None), "b": (True, None)}


FIRST, LAST = np.array([0, 1]), np.array([2, 1])


def test_which_of_equal_ones_is_chosen():
    choosing = {"profile": "ties", "operators": ["ARG_MAX"]}
    assert failed(FIRST, FIRST, LAST, LAST, **choosing) == ["a", "b"]
    # torch itself takes another one than onnxruntime does.
    assert failed(LAST, FIRST, FIRST, FIRST, **choosing) == []
    assert failed(FIRST, FIRST, LAST, LAST, profile="zeros", operators=["ARG_MAX"]) == []
    assert failed(FIRST, FIRST, LAST, LAST, profile="zeros", operators=["CAST"]) == ["a", "b"]
    assert failed(FIRST, FIRST, LAST, LAST, profile="ties", operators=["NON_MAX_SUPPRESSION_V4"]) == []


def test_half_of_the_digits():
    half = {"variant": "float16"}
    assert failed(OTHER, OTHER, OTHER + 0.04, OTHER + 0.04, **half) == []
    assert failed(OTHER, OTHER, OTHER + 0.2, OTHER + 0.2, **half) == ["a", "b"]
    assert failed(OTHER, OTHER, OTHER + 0.2, OTHER + 0.2, profile="large", **half) == []
    assert failed(OTHER, OTHER, OTHER + 0.2, OTHER + 0.2, profile="zeros", **half) == []
    # Places and classes change by a whole one.
    assert failed(FIRST, FIRST, LAST, LAST, **half) == []


def test_where_onnxruntime_is_the_reference_ten_times_the_tolerance_counts():
    onnx = {"source": "onnx"}
    assert failed(None, OTHER, OTHER + 3e-3, OTHER + 3e-3, **onnx) == []
    assert failed(None, OTHER, OTHER + 0.01, OTHER + 0.01, **onnx) == ["a", "b"]
    assert failed(None, OTHER, OTHER + 0.01, OTHER - 0.01, **onnx) == []


def test_names_of_arrays_have_the_profile_before_the_first_stroke(tmp_path):
    np.savez(tmp_path / "x.npz", **{"ties/a/b": np.ones(1), "ties/c": np.ones(2), "large/c": np.ones(3)})
    found = profiles.read(tmp_path / "x.npz")
    assert {name: list(arrays) for name, arrays in found.items()} == {"ties": ["a/b", "c"], "large": ["c"]}
    np.savez(tmp_path / "none.npz")
    assert profiles.read(tmp_path / "none.npz") == {}
