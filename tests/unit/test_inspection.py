"""run and inspect."""

import shutil
from pathlib import Path

import fake_engine
import numpy as np
import pytest

from pinlite.auditing import inspection
from pinlite.conversion import pipeline
from pinlite.errors import UsageError
from pinlite.options import resolve
from pinlite.schema.inspection import InspectReport


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


# The heads of ONNX files of IR version 7 and opset 12, of IR version 10, and of opset 17.
@pytest.mark.parametrize(
    ("head", "program"),
    [
        (b"\x08\x07\x42\x02\x10\x0c", "onnx_check.check"),
        (b"\x08\x0a\x42\x02\x10\x0c", "onnx_adapt.adapt"),
        (b"\x08\x07\x42\x02\x10\x11", "onnx_adapt.adapt"),
    ],
)
def test_the_image_of_todays_onnx_runs_what_has_to_be_adapted(engine, samples, head, program):
    Path("net.onnx").write_bytes(head)
    inspection.run(Path("net.onnx"), samples)
    inspection.inspect(Path("net.onnx"))
    assert [job.program for job in engine.jobs] == [program] * 2


def test_nothing_is_timed(engine, samples):
    Path("net.tflite").touch()
    inspection.run(Path("net.tflite"), samples)
    assert [request.operation for request in engine.requests] == ["infer"]


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
    found = inspection.inspect(model)
    assert isinstance(found, InspectReport) if model.suffix == ".tflite" else found == "a model in words\n"
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


@pytest.fixture
def result(engine, model_file):
    """The output folder of a conversion, for which the engine is not asked any more."""
    pipeline.run(resolve({"source": f"{model_file.name}:build", "input": ["image=1x3x4x4"], "out": "out"}))
    engine.requests.clear()
    return Path("out")


def test_a_result_is_shown_as_its_conversion_showed_it(engine, command, result):
    for given in (result, result / "report.json"):
        status, out, err = command("inspect", str(given))
        assert (status, err) == (0, "")
        assert "model.float32.tflite" in out
        assert out.endswith("model.py:build -> out: equal to the reference within 0.0001\n")
    assert engine.requests == []


def test_a_model_in_a_result_is_still_a_model(engine, result):
    assert inspection.inspect(result / "saved_model") == "a model in words\n"
    assert engine.requests


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "pinlite.report/9"}'])
def test_a_report_of_another_version_is_refused_at_once(engine, command, content):
    Path("out").mkdir()
    Path("out/report.json").write_text(content)
    status, _, err = command("inspect", "out")
    assert status == 2
    assert "out/report.json is no report of this version" in err
    assert engine.requests == []


def test_a_folder_that_is_no_saved_model_is_refused_at_once(engine, samples, result):
    with pytest.raises(UsageError, match=r"not a SavedModel") as raised:
        inspection.run(result, samples)
    assert "out/model.onnx" in raised.value.hint
    Path("empty").mkdir()
    with pytest.raises(UsageError, match=r"not a SavedModel"):
        inspection.inspect(Path("empty"))
    assert engine.requests == []


def test_a_saved_model_is_run_only_where_it_is_isolated_or_trusted(engine, samples, model):
    engine.isolates = False
    if model.suffix:
        inspection.run(model, samples)
    else:
        with pytest.raises(UsageError, match=r"saved is a program"):
            inspection.run(model, samples)
        assert engine.requests == []
        inspection.run(model, samples, trust=True)
    inspection.inspect(model)
    assert len(engine.requests) == 2
