"""Numbers that are known to be right, from the file that a user gets, in the runtime that a user has."""

import numpy as np
import pytest
from command import CASES, RUNTIMES


@pytest.fixture
def computed(pinlite, any_engine, report):
    """What the float32 file of a case computes of samples, by the names of the outputs, and what PyTorch does."""

    def run(name, **samples):
        pinlite.here.mkdir(exist_ok=True)
        np.savez(pinlite.here / "samples.npz", **samples)
        source = f"{CASES}/exact.py:{name}"
        options = ("--ops", "builtin", "--engine", any_engine, "--out", "out")
        inputs = [f"{key}={'x'.join(map(str, array.shape))}:{array.dtype}" for key, array in samples.items()]
        pinlite.succeeds("convert", source, *(word for spec in inputs for word in ("--input", spec)), *options)
        (variant,) = report(pinlite.here / "out")["variants"]
        tensors = {tensor["name"]: tensor["tensor"] for tensor in variant["inputs"]}
        np.savez(pinlite.here / "fed.npz", **{tensors[key]: array for key, array in samples.items()})
        file = pinlite.here / "out" / "model.float32.tflite"
        pinlite.succeeds("run", file, "--samples", "fed.npz", "--out", "made.npz", "--engine", any_engine)
        with np.load(pinlite.here / "made.npz") as made:
            return [made[tensor["tensor"]] for tensor in variant["outputs"]]

    return run


def test_sums_are_exact_and_keep_what_is_not_finite_to_itself(computed):
    index = np.array([3, 0, 3, 1])
    whole = np.array([16777217, 2, -3, 1 << 30])
    x = np.float32([[1, 2], [np.inf, 3], [4, np.nan], [-np.inf, 5]])
    found = computed("Sums", index=index, whole=whole, x=x)
    added, counted = np.zeros((10, 2), np.float32), np.zeros(10, np.int64)
    np.add.at(added, index, x)
    np.add.at(counted, index, whole)
    with np.errstate(invalid="ignore"):
        expected = [whole.cumsum(), x.cumsum(0), added, added, added, counted]
    for made, right in zip(found, expected, strict=True):
        np.testing.assert_array_equal(made, right)


def test_ties_behind_an_activation(computed):
    x = np.float32([[-3, -1, -2], [0.3, 0.6, 0.1], [7, 9, 8], [-0.5, 0.5, 6.5]])
    found = computed("Ties", x=x)
    made = np.maximum(x, 0), np.clip(x, 0, 6), np.floor(x)
    expected = [of(values, axis=1) for values in made for of in (np.argmax, np.argmin)]
    np.testing.assert_array_equal(found, expected)


def test_narrow_integers_wrap_and_large_numbers_have_functions(computed):
    whole = np.array([40000, 3, -129, 300])
    x = np.float32([np.nan, 1e20, -3e38, 0.5])
    found = computed("Narrow", whole=whole, x=x)
    with np.errstate(invalid="ignore"):
        functions = [np.arctan(x), np.arcsinh(x), np.arccosh(abs(x) + 1), np.arcsin(x)]
    casts = [whole.astype(dtype) for dtype in (np.int16, np.uint8, np.int8)]
    for made, right in zip(found, casts + functions, strict=True):
        np.testing.assert_allclose(made, right, rtol=1e-6)


def test_gelu_of_large_numbers(computed):
    x = np.float32([[-1e9, -1e4, -100, -0.0, 100, 1e4, 1e9]])
    for made in computed("Gelus", x=x):
        np.testing.assert_array_equal(made, np.maximum(x, 0))


def test_the_nearest_pixels_are_those_of_pytorch(computed):
    x = np.arange(400, dtype=np.float32).reshape(1, 1, 20, 20)
    rows, columns = np.float32(1 / 0.6), np.float32(1 / 1.2)
    places = [(np.arange(size, dtype=np.float32) * step).astype(int) for size, step in ((12, rows), (24, columns))]
    found = computed("Nearest", x=x)
    expected = [x[:, :, places[0]][..., places[1]], x[:, :, np.arange(7) * 20 // 7][..., np.arange(9) * 20 // 9]]
    for made, right in zip(found, [*expected, x[:, :, 0, ::5]], strict=True):
        np.testing.assert_array_equal(made, right)


def test_a_last_window_that_pytorch_drops(computed):
    x = np.random.RandomState(0).normal(size=(1, 2, 9, 9)).astype(np.float32)

    def pooled(of, array, axes):
        for axis in axes:
            ends = [(max(start, 0), min(start + 2, array.shape[axis])) for start in range(-1, array.shape[axis], 2)]
            array = np.stack([of(array.take(range(*pair), axis), axis) for pair in ends], axis)
        return array

    expected = [pooled(of, part, (2, 3)) for of in (np.max, np.mean) for part in (x, x[..., :8])]
    # Padding counts.
    sides = np.pad(x[0], [(0, 0), (0, 0), (1, 0)])
    for made, right in zip(computed("Pooled", x=x), [*expected, (sides[..., ::2] + sides[..., 1::2]) / 2], strict=True):
        np.testing.assert_allclose(made, right, rtol=1e-5, atol=1e-6)


def test_an_inverse_and_diagonals(computed):
    x = np.float32([[1, 2], [3, 4], [5, 6]])
    written = x * 2
    np.fill_diagonal(written, 0.5)
    expected = [x @ np.float32([[1, -1], [-1, 2]]), x * 3, written]
    for made, right in zip(computed("Matrices", x=x), expected, strict=True):
        np.testing.assert_allclose(made, right, rtol=1e-6)


def test_activations_between_a_number_and_weights(pinlite, any_engine, report):
    shapes = ("--input", "x=2x8", "--input", "image=1x3x6x6")
    pinlite.succeeds("convert", f"{CASES}/exact.py:Numbers", *shapes, "--engine", any_engine, "--out", "out")
    # PyTorch is what is judged by.
    hops = [hop for hop in report(pinlite.here / "out")["hops"] if hop["from"] == "torch" and not hop["profile"]]
    assert len(hops) == (2 + len(RUNTIMES)) * 4
    assert all(hop["max_rel_error"] < 1e-5 for hop in hops)
