"""run and inspect."""

import shutil
from pathlib import Path

import fake_engine
import numpy as np
import pytest

from pinlite.audit import inspection
from pinlite.errors import UsageError


@pytest.fixture
def samples():
    fake_engine.write(Path("x.npz"), fake_engine.SAMPLES)
    return Path("x.npz")


@pytest.fixture(params=["net.onnx", "net.tflite", "saved"])
def model(request):
    path = Path(request.param)
    if path.suffix:
        path.write_bytes(b"model")
    else:
        path.mkdir()
        (path / "saved_model.pb").touch()
    return path


def test_a_model_is_run_in_its_own_image(engine, model, samples, temporary):
    outputs = inspection.run(model, samples)
    assert list(outputs) == ["doubled", "mean"]
    assert np.array_equal(outputs["doubled"], fake_engine.SAMPLES["image"] * 2)
    (request,) = engine.requests
    assert request.operation == ("infer" if model.suffix == ".tflite" else "run")
    assert engine.running == []
    assert list(temporary.iterdir()) == []


def test_nothing_is_timed(engine, samples):
    Path("net.tflite").touch()
    inspection.run(Path("net.tflite"), samples)
    assert engine.requests[0].parameters["runs"] == 0


def test_outputs_are_kept_whole_or_not_at_all(engine, samples, model):
    assert engine.requests == []
    inspection.run(model, samples, Path("y.npz"))
    with np.load("y.npz") as arrays:
        assert arrays.files == ["doubled", "mean"]
    for out in ("absent/y.npz", "/proc/pinlite.npz"):
        with pytest.raises(UsageError, match="--out"):
            inspection.run(model, samples, Path(out))


def test_a_full_disk_keeps_the_earlier_outputs(engine, samples, model, small_files, monkeypatch):
    Path("y.npz").write_text("earlier")
    copyfile = shutil.copyfile

    def on_a_full_disk(source, target):
        with small_files(10 if Path(target).name == "y.npz" else 10**6):
            return copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", on_a_full_disk)
    with pytest.raises(UsageError, match=r"--out y\.npz"):
        inspection.run(model, samples, Path("y.npz"))
    assert Path("y.npz").read_text() == "earlier"
    assert engine.running == []


def test_a_model_is_put_in_words(engine, model):
    assert inspection.inspect(model) == "a model in words\n"
    assert engine.running == []


@pytest.mark.parametrize("name", ["absent.onnx", "absent.tflite", "net.h5", "absent"])
def test_what_is_no_model_is_named(engine, samples, name):
    with pytest.raises(UsageError) as raised:
        inspection.run(Path(name), samples)
    assert name in str(raised.value)
    assert raised.value.hint
    assert engine.requests == []


def test_missing_samples_are_named(engine, model):
    with pytest.raises(UsageError, match=r"absent\.npz"):
        inspection.run(model, Path("absent.npz"))
    assert engine.requests == []
