import zipfile

import numpy as np
import pytest

from pinlite import parity
from pinlite.errors import StageCrashError
from pinlite.schema.report import Apart, Tensor

NAN, INF = float("nan"), float("inf")


def hop(reference, output, tolerance=1e-4, dtype=np.float32):
    outputs = {} if output is None else {"y": np.array(output, dtype)}
    (compared,) = parity.compare("torch", {"y": np.array(reference, dtype)}, "tflite", outputs, tolerance)
    return compared


def figures(compared):
    return compared.max_abs_error, compared.max_rel_error, compared.cosine


def test_figures_are_those_computed_by_hand():
    compared = hop([3.0, -4.0], [3.0, -3.5])
    assert (compared.origin, compared.to, compared.output) == ("torch", "tflite", "y")
    assert compared.max_abs_error == 0.5
    assert compared.max_rel_error == 0.125  # 0.5 of 4
    assert compared.cosine == pytest.approx((9 + 14) / (5 * 21.25**0.5), rel=1e-12)
    assert not compared.passed


def test_equal_outputs_pass_a_tolerance_of_nothing():
    compared = hop([1.0, 2.0], [1.0, 2.0], tolerance=0)
    assert figures(compared) == (0.0, 0.0, pytest.approx(1.0))
    assert compared.passed


def test_the_tolerance_itself_passes():
    assert hop([4.0, 1.0], [4.0, 1.5], tolerance=0.125).passed
    assert not hop([4.0, 1.0], [4.0, 1.5], tolerance=0.1249).passed


def test_small_differences_of_large_numbers_are_relative_to_the_largest():
    compared = hop([1e6, 1.0], [1e6, 1.5])
    assert compared.max_rel_error == 5e-7
    assert compared.passed


def test_rounding_of_an_output_that_is_large_elsewhere_passes():
    def compared(output, elsewhere, tolerance=1e-4):
        (found,) = parity.compare(
            *("torch", {"y": np.float32([1e-6, 5e-7])}, "tflite", {"y": np.float32(output)}, tolerance),
            elsewhere={"y": np.float32(elsewhere)},
        )
        return found

    assert compared([1.1e-6, 5e-7], [0.8, 0.1]).passed
    assert not compared([1.1e-6, 5e-7], [2e-6, 1e-6]).passed
    assert not compared([3e-6, 5e-7], [0.8, 0.1]).passed
    assert compared([1.1e-6, 5e-7], [0.8, NAN]).passed
    assert not compared([1.1e-6, 5e-7], [0.8, 0.1], tolerance=0).passed


@pytest.mark.parametrize("output", [None, [[1.0, 2.0]], [1.0], [1.0, 2.0, 3.0], []])
def test_a_missing_output_or_another_shape_never_passes(output):
    compared = hop([1.0, 2.0], output, tolerance=1e9)
    assert figures(compared) == (None, None, None)
    assert not compared.passed


@pytest.mark.parametrize("output", [[1.0, NAN], [1.0, INF], [NAN, 2.0]])
def test_a_value_that_is_no_number_on_one_side_never_passes(output):
    for compared in (hop([1.0, 2.0], output, tolerance=1e9), hop(output, [1.0, 2.0], tolerance=1e9)):
        assert figures(compared) == (None, None, None)
        assert not compared.passed


def test_infinities_of_another_sign_never_pass():
    assert not hop([1.0, INF], [1.0, -INF], tolerance=1e9).passed


def test_the_same_values_that_are_no_numbers_on_both_sides_are_left_aside():
    compared = hop([NAN, INF, -INF, 2.0], [NAN, INF, -INF, 1.0], tolerance=1)
    assert figures(compared) == (1.0, 0.5, pytest.approx(1.0))
    assert compared.passed


def test_nothing_but_the_same_nan_is_equal():
    assert hop([NAN], [NAN]).passed


def test_zeros():
    assert figures(hop([0.0, 0.0], [0.0, 0.0])) == (0.0, 0.0, 1.0)
    assert hop([0.0, 0.0], [0.0, 0.0]).passed
    differing = hop([0.0, 0.0], [0.0, 0.5])
    assert figures(differing) == (0.5, None, 0.0)
    assert not differing.passed


def test_outputs_without_elements_are_equal_and_scalars_compare():
    assert hop(np.zeros((0, 3)), np.zeros((0, 3))).passed
    assert hop(2.0, 1.0, tolerance=0.5).max_rel_error == 0.5


def test_unsigned_integers_do_not_wrap():
    compared = hop([0, 200], [5, 200], dtype=np.uint8)
    assert figures(compared)[:2] == (5.0, 0.025)


def test_booleans_compare():
    assert hop([True, False], [True, False], dtype=bool).passed
    assert hop([True, False], [True, True], dtype=bool).max_rel_error == 1.0


def test_another_dtype_with_the_same_values_passes():
    (compared,) = parity.compare("torch", {"y": np.array([7], np.int64)}, "tflite", {"y": np.array([7], np.int32)}, 0)
    assert compared.passed


def test_half_precision_is_compared_without_overflow():
    assert hop([60000.0], [-60000.0], dtype=np.float16).max_abs_error == 120000.0


def test_there_is_one_hop_per_output_of_the_reference_in_its_order():
    reference = {"b": np.ones(2), "a": np.ones(2)}
    hops = parity.compare("torch", reference, "tflite", {"a": np.ones(2), "extra": np.ones(2)}, 0)
    assert [(hop.output, hop.passed) for hop in hops] == [("b", False), ("a", True)]


def test_arrays_are_read_in_the_order_of_the_file(tmp_path):
    np.savez(tmp_path / "x.npz", b=np.ones(2), a=np.zeros(3))
    assert list(parity.read(tmp_path / "x.npz")) == ["b", "a"]


def _not_zip(path):
    path.write_bytes(b"no arrays")


def _empty(path):
    path.write_bytes(b"")


def _nothing(path):
    zipfile.ZipFile(path, "w").close()


def _cut(path):
    np.savez(path, a=np.ones(1000))
    path.write_bytes(path.read_bytes()[:500])


def _damaged(path):
    np.savez_compressed(path, a=np.arange(1000))
    data = bytearray(path.read_bytes())
    data[100:200] = bytes(100)
    path.write_bytes(data)


def _pickle(path):
    np.savez(path, a=np.array([object()], dtype=object))


def _lone_array(path):
    with path.open("wb") as stream:
        np.save(stream, np.ones(2))


def _text(path):
    np.savez(path, a=np.array(["a", "b"]))


def _member_that_is_no_array(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "hello")


def _folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    "write",
    [_not_zip, _empty, _nothing, _cut, _damaged, _pickle, _lone_array, _text, _member_that_is_no_array, _folder],
)
def test_a_file_that_holds_no_arrays_is_the_stages_fault(tmp_path, write):
    (tmp_path / "infer").mkdir()
    write(tmp_path / "infer" / "outputs.npz")
    with pytest.raises(StageCrashError, match="infer wrote outputs that are not arrays"):
        parity.read(tmp_path / "infer" / "outputs.npz")


def test_outputs_that_a_file_does_not_have_have_no_scale():
    array = np.ones(3, np.float32)
    (compared,) = parity.agree("tflite", {"y": array}, "tensorflow", {"y": array}, "int8", (), reference={"y": array})
    assert compared.passed


def test_integers_of_two_runtimes_are_counted_in_steps():
    (tensor,) = _tensors(scale=0.5)
    first, second = np.array([0, 1, 2, 3.5], np.float32), np.array([0, 1.5, 2, 2.0], np.float32)
    (hop,) = parity.agree("a", {"y": first}, "b", {"y": second}, "int8", (tensor,), reference={"y": first})
    assert hop.apart == Apart(values=4, differing=2, steps=3)
    (equal,) = parity.agree("a", {"y": first}, "b", {"y": first}, "int8", (tensor,), reference={"y": first})
    assert equal.apart == Apart(values=4, differing=0, steps=0)
    for other, scale in (({"y": second[:2]}, 0.5), ({}, 0.5), ({"y": second}, None)):
        (hop,) = parity.agree("a", {"y": first}, "b", other, "int8", _tensors(scale=scale), reference={"y": first})
        assert hop.apart is None


def _tensors(*, scale):
    return (Tensor(name="y", tensor="y", shape=(4,), dtype="float32", scale=scale, zero_point=None),)


@pytest.mark.parametrize(
    ("first", "second", "passed"),
    [
        (1.0, 1.09, True),
        (1.0, 1.11, False),
        # Integers cost both of them 0.15: they may lie on either side of the reference.
        (0.85, 1.20, True),
        # One of them is as far as that only because its kernel is wrong.
        (0.98, 1.15, False),
        (0.85, 1.40, False),
        # None of them can be compared with the reference: what is usual holds.
        (np.nan, 1.0, False),
    ],
)
def test_two_runtimes_of_integers_agree_as_far_as_integers_cost(first, second, passed):
    reference = np.ones(2, np.float32)
    one, other = (np.array([value, 0.5], np.float32) for value in (first, second))
    (hop,) = parity.agree("a", {"y": one}, "b", {"y": other}, "int8", (), reference={"y": reference * [1, 0.5]})
    assert hop.passed is passed
