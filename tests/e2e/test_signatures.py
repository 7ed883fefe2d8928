"""The SignatureDef of a TFLite file, as tflite-runtime takes it: the model's own names."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from command import CASES, NETWORK

HERE = Path(__file__).parent
NAMES = ("a/b", "a:b", "a_b", "größe, 1")
# By variant, what a value may differ, of a range of 16.
BOUNDS = {"float32": 0, "float16": 0, "dynamic": 0, "int8": 0.2, "int16x8": 0.01}


@pytest.fixture(scope="session")
def signed(environments, tmp_path_factory):
    """What a file's signature gives of samples, both arrays by name."""
    python = Path(environments["tflite-2.14.0"].reference, "environment", "bin", "python")

    def run(model, samples):
        here = tmp_path_factory.mktemp("signature")
        np.savez(here / "x.npz", **samples)
        files = (model, here / "x.npz", here / "y.npz")
        subprocess.run([python, HERE / "run_signature.py", *files], check=True, capture_output=True)
        return read(here / "y.npz")

    return run


def read(path):
    with np.load(path) as archive:
        return dict(archive)


@pytest.fixture(scope="session")
def samples():
    stream = np.random.default_rng(0)
    first, second = stream.uniform(-8, 8, (2, 2, 3)).astype(np.float32)
    pixels, marks = np.uint8([[0, 1, 127], [128, 200, 255]]), np.int8([[0, 1, 127], [-128, -1, 5]])
    return dict(zip(NAMES, (first, pixels, second, marks), strict=True))


@pytest.fixture(scope="session")
def mixed(converted, any_engine, samples, tmp_path_factory):
    """A model of such names and of integers of 8 bits, in variants."""
    calibration = tmp_path_factory.mktemp("calibration") / "samples.npz"
    np.savez(calibration, **{name: array[np.newaxis] for name, array in samples.items()})
    dtypes = ("float32", "uint8", "float32", "int8")
    inputs = [f"{name}=2x3:{dtype}" for name, dtype in zip(NAMES, dtypes, strict=True)]
    return converted(
        f"{CASES}/naming.py:Mixed",
        *(word for text in inputs for word in ("--input", text)),
        *(word for name in (*NAMES, "last") for word in ("--output-name", f"of {name}")),
        *(word for name in BOUNDS for word in ("--variant", name)),
        *("--calibration", calibration, "--engine", any_engine),
    )


@pytest.mark.parametrize("variant", BOUNDS)
def test_it_gives_by_the_models_names_what_pytorch_gives(mixed, samples, signed, report, variant):
    first, pixels, second, marks = samples.values()
    expected = {
        "of a/b": (second - first) / 2,
        "of a:b": pixels / np.float32(32),
        "of a_b": marks,
        "of größe, 1": (first + second) / 2,
        "of last": pixels,
    }
    found = signed(mixed / f"model.{variant}.tflite", samples)
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_allclose(found[name], array, atol=BOUNDS[variant], rtol=1e-6, err_msg=name)
    of_report = next(entry for entry in report(mixed)["variants"] if entry["name"] == variant)
    assert [tensor["name"] for tensor in of_report["inputs"]] == list(samples)
    assert [tensor["name"] for tensor in of_report["outputs"]] == list(expected)


def test_run_and_inspect_take_its_names_in_the_models_order(pinlite, mixed, samples, signed, any_engine):
    pinlite.here.mkdir()
    np.savez(pinlite.here / "x.npz", **samples)
    model = mixed / "model.float32.tflite"
    pinlite.succeeds("run", model, "--samples", "x.npz", "--out", "y.npz", "--engine", any_engine)
    found = read(pinlite.here / "y.npz")
    assert list(found) == [f"of {name}" for name in (*NAMES, "last")]
    np.testing.assert_equal(found, signed(model, samples))
    found = json.loads(pinlite.succeeds("inspect", model, "--engine", any_engine, "--json").out)["found"]
    (signature,) = found["signatures"]
    tensors = found["graphs"][0]["tensors"]
    given = {each["name"]: tensors[each["tensor"]] for each in signature["inputs"] + signature["outputs"]}
    assert [given["a/b"][key] for key in ("name", "shape", "type")] == ["a_b", [2, 3], "float32"]
    assert given["größe, 1"]["type"] == "int8"
    assert given["of a:b"]["shape"] == [2, 3]


def test_it_takes_any_batch_where_that_is_open(converted, any_engine, signed):
    out = converted(*NETWORK, "--dynamic-batch", "--engine", any_engine)
    images = np.random.default_rng(0).random((3, 3, 16, 16), np.float32)
    together = signed(out / "model.float32.tflite", {"image": images})["output"]
    alone = [signed(out / "model.float32.tflite", {"image": image[np.newaxis]})["output"] for image in images]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)
    assert together.std(0).min() > 0


def test_of_a_saved_model_it_has_the_names_of_its_signature(converted, any_engine, saved_model, signed):
    out = converted(saved_model, "--trust", "--engine", any_engine)
    samples = read(out / "samples.npz")
    found = signed(out / "model.float32.tflite", samples)
    assert set(found) == {"scaled", "difference"}
    np.testing.assert_allclose(found["difference"], samples["left"] - samples["right"], rtol=1e-6)
