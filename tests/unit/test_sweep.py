"""How the sweep lists its cases, draws their numbers and judges what comes of them."""

import json
import tomllib

import bundles
import draws
import families
import numpy as np
import pytest
import verdicts
from bundles import Bundle
from verdicts import Fault

CASES = families.load()
BY_NAME = {case.name: case for case in CASES}
NAN, INF = float("nan"), float("inf")
WRONG = (Fault("tflite-runtime 2.14.0", "signed", 0, 0.5, "it is off"),)


def numbers(*values):
    return np.array(values, np.float32)


def test_there_are_hundreds_of_cases_each_under_a_name_of_its_own():
    assert len(BY_NAME) == len(CASES) >= 300


def test_the_quick_ones_are_of_every_family():
    named = tomllib.loads(families.FILE.read_text())["quick"]
    assert [case.name for case in families.select(CASES, quick=True)] == named
    assert {BY_NAME[name].family for name in named} == {case.family for case in CASES}


def test_the_product_of_the_axes_fills_in_what_the_code_leaves_open():
    case = BY_NAME["bias/shared/conv1d"]
    assert case.code == "With(lambda s, a, b: (s.l(a), s.l(b)), l=loud(nn.Conv1d(4, 6, 3)))"
    assert [(each.name, each.shape) for each in case.inputs] == [("a", (1, 4, 9)), ("b", (1, 4, 9))]
    assert not any("$" in text for case in CASES for text in (case.code, case.onnx))


def test_integers_are_judged_where_they_are_calibrated_and_floats_on_every_profile():
    case = BY_NAME["ordinary/linear"]
    assert case.judged_on("float16") == ("signed", "zeros", "ties", "large")
    assert case.judged_on("int8-only") == ("signed", "zeros")


def test_calibration_samples_hold_all_that_integers_are_judged_on():
    case = BY_NAME["bias/shared/linear"]
    for at, array in enumerate(draws.calibration(case)):
        for profile in case.integer_profiles:
            assert any(np.array_equal(each, draws.samples(case, profile)[at]) for each in array)


def test_samples_are_the_same_every_time_and_of_the_dtype_asked_for():
    case = BY_NAME["casts/int64/int16/int32"]
    (one,), (other,) = (draws.samples(case, "wide") for _ in range(2))
    assert one.dtype == np.int64
    assert one.shape == (2, 6)
    assert np.abs(one).max() > 2**24
    np.testing.assert_array_equal(one, other)


def test_cases_share_a_model_unless_they_are_to_be_alone():
    chosen = [
        BY_NAME[name] for name in ("ties/argmax/relu", "ties/stock/argmax/relu", "names/bool/last", "functions/abs")
    ]
    found = [[case.name for case in bundle.cases] for bundle in bundles.bundled(chosen)]
    assert found == [["ties/stock/argmax/relu"], ["names/bool/last"], ["ties/argmax/relu", "functions/abs"]]
    shared = Bundle((BY_NAME["functions/abs"], BY_NAME["functions/cos"]))
    assert [each.name for each in shared.inputs] == ["x0", "x1"]
    json.dumps(shared.described)


@pytest.mark.parametrize(
    ("found", "right", "bound", "error"),
    [
        (numbers(1, 2), numbers(1, 2), 1e-4, None),
        (numbers(1, 1.9), numbers(1, 2), 0.1, None),
        (numbers(1, 1.5), numbers(1, 2), 0.1, (0.25, "1 of 2 are wrong: 1.5; right: 2")),
        (numbers(0.5), numbers(0), 0.1, (0.25, "1 of 1 are wrong: 0.5; right: 0")),
        (numbers(1, NAN), numbers(1, NAN), 0, None),
        (numbers(1, 2), numbers(1, NAN), 1, (None, "1 of 2 are wrong: 2; right: nan")),
        (numbers(INF, 2), numbers(-INF, 2), 1, (None, "1 of 2 are wrong: inf; right: -inf")),
        (numbers(NAN), numbers(0), 1, (None, "1 of 1 are wrong: nan; right: 0")),
        (numbers(1), numbers(1, 1), 1, (None, "its shape is [1], right is [2]")),
        (np.array([2**24]), np.array([2**24 + 1]), 1, (None, "1 of 1 are wrong: 16777216; right: 16777217")),
        (numbers(3), np.array([3]), 1, (None, "it is of float32, right is int64")),
    ],
)
def test_the_difference_is_over_the_magnitude_and_exact_where_numbers_are_integers(found, right, bound, error):
    assert verdicts.difference(found, right, bound, magnitude=2.0) == error


def test_what_is_not_finite_may_be_anything_where_a_runtime_has_no_infinities():
    assert verdicts.difference(numbers(3.4e38, 1), numbers(INF, 1), 0, 1.0, finite_only=True) is None
    assert verdicts.difference(numbers(3.4e38, NAN), numbers(INF, 1), 0, 1.0, finite_only=True) is not None


def test_a_channel_that_is_lost_counts_whatever_the_others_are():
    right = np.stack([np.full((4, 4), 300.0), np.full((4, 4), 0.5)])[None]
    found = right * np.array([1, 0])[:, None, None]
    assert verdicts.difference(found, right, 0.1, 300.0) is None
    error, _ = verdicts.difference(found, right, 0.1, 300.0, by_channel=True)
    assert error == 1


@pytest.mark.parametrize(
    ("status", "words", "faults", "made", "verdict"),
    [
        (0, "", (), True, "right"),
        (0, "a branch on the data was frozen", (), True, "right"),
        (7, "torch and tflite differ", (), True, "alarm"),
        (7, "torch and tflite differ", WRONG, True, "told"),
        (0, "a branch on the data was frozen", WRONG, True, "told"),
        (3, "the converter has no operator for it", (), False, "told"),
        (0, "", WRONG, True, "silent"),
        (6, "the program was ended by signal 6", (), False, "internal"),
        (1, "Traceback", (), False, "internal"),
        (None, "", (), False, "internal"),
        (0, "", (), False, "internal"),
    ],
)
def test_verdicts(status, words, faults, made, verdict):
    assert verdicts.verdict(status, words, faults, made=made) == verdict


def hop(output, variant, passed):
    return {"from": "torch", "to": "t", "output": output, "variant": variant, "passed": passed, "max_rel_error": 0.5}


def test_a_report_speaks_against_a_variant_and_the_outputs_that_it_names():
    report = {
        "failures": [{"variant": "int16x8", "exit_status": 3, "message": "no operator"}],
        "hops": [hop("y", None, True), hop("z", None, True), hop("y", "int8", True), hop("z", "int8", False)],
        "warnings": [{"stage": "export", "variant": "float16", "message": "frozen"}],
    }
    assert verdicts.said(report, "int16x8", range(2)) == (3, "no operator")
    assert verdicts.said(report, "int8", range(1)) == (0, "")
    assert verdicts.said(report, "int8", range(1, 2)) == (7, "torch and t differ in z by 0.5")
    assert verdicts.said(report, "float16", range(1)) == (0, "frozen")


def test_names_are_the_signatures_or_else_the_tensors():
    case = BY_NAME["names/equal/inputs"]
    tensors = {"inputs": ["a_b", "a_b_1"], "outputs": ["y", "z"]}
    signature = {"inputs": {"a:b": 1, "a/b": 0}, "outputs": {"y": 0, "z": 1}}
    assert verdicts.misnamed(case, {**tensors, "signature": signature}) == ""
    assert "right is" in verdicts.misnamed(case, {**tensors, "signature": None})
    turned = {**signature, "outputs": {"y": 1, "z": 0}}
    assert "right is" in verdicts.misnamed(case, {**tensors, "signature": turned})
