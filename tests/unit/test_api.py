"""pinlite from Python."""

from pathlib import Path

import fake_engine
import numpy as np
import pytest

import pinlite
from pinlite.maintenance import doctor
from pinlite.schema.report import Report


def test_from_python_the_report_is_an_object(engine, model_file):
    report = pinlite.convert(f"{model_file}:build", inputs={"image": "1x3x4x4"}, out=Path("out"), seed=3)
    assert isinstance(report, Report)
    assert (report.ok, report.seed) == (True, 3)
    assert engine.requests[0].parameters["inputs"][0]["shape"] == [1, 3, 4, 4]


def test_from_python_options_are_those_of_the_command(engine, model_file):
    options = {"input_layout": "nhwc", "output_layout": {"mean": "nhwc"}, "dynamic_batch": True}
    pinlite.convert(f"{model_file}:build", inputs={"image": "1x3x4x4"}, out=Path("out"), **options)
    translate = next(request for request in engine.requests if request.id == "translate")
    assert (translate.parameters["nhwc_inputs"], translate.parameters["nhwc_outputs"]) == (["image"], ["mean"])
    assert translate.parameters["batches"] == [5, 7]


def test_from_python_variants_are_those_of_the_command(engine, model_file):
    report = pinlite.convert(
        f"{model_file}:build",
        inputs={"image": "1x3x4x4"},
        out=Path("out"),
        variants=["float32", "int8-only"],
        calibration="random",
        integer_io="uint8",
        variant_tolerances={"int8-only": 0.5},
    )
    assert [variant.name for variant in report.variants] == ["float32", "int8-only"]
    assert {
        (hop.profile, hop.tolerance) for hop in report.hops if hop.variant == "int8-only" and hop.origin == "torch"
    } == {(None, 0.5), ("zeros", None), ("large", None)}
    (convert,) = (request for request in engine.requests if request.id == "convert-int8-only")
    assert convert.parameters["integer_io"] == "uint8"


def test_from_python_errors_are_those_of_the_command(engine, model_file):
    for options in ({"inputs": ["x"]}, {"inputs": {"x": "1"}, "seed": -1}, {"surprise": 1}):
        with pytest.raises(pinlite.PinliteError) as raised:
            pinlite.convert(f"{model_file}:build", **options)
        assert raised.value.exit_status == 2
        assert raised.value.hint
    assert engine.requests == []


def test_from_python_a_file_has_options_and_a_lock(engine, model_file):
    folder = Path("project")
    folder.mkdir()
    model_file.rename(folder / "model.py")
    (folder / "pinlite.toml").write_text(
        'source = "model.py:build"\ninput = ["image=1x3x4x4"]\nseed = 3\nout = "out"\n'
    )
    report = pinlite.convert(config=folder / "pinlite.toml", strict=True)
    assert (report.seed, (folder / "out" / "report.json").exists()) == (3, True)
    pinlite.convert(config=folder / "pinlite.toml", locked=True)
    assert pinlite.convert(config=folder / "pinlite.toml", seed=4, out="mine").seed == 4
    assert pinlite.reproduce(folder / "pinlite.lock", timeout=60).seed == 4
    with pytest.raises(pinlite.PinliteError) as raised:
        pinlite.convert(config=folder / "pinlite.toml", locked=True)
    assert raised.value.exit_status == 8
    with pytest.raises(pinlite.PinliteError, match="--locked"):
        pinlite.convert("project/model.py:build", locked=True)
    assert engine.running == []


def test_from_python_a_file_of_the_current_folder_is_not_taken_by_itself(model_file):
    Path("pinlite.toml").write_text(f'source = "{model_file}:build"\n')
    with pytest.raises(pinlite.PinliteError, match="no source"):
        pinlite.convert()


@pytest.fixture
def converted(engine, model_file):
    """The output folder of a conversion, and its samples in a file."""
    pinlite.convert(f"{model_file}:build", inputs={"image": "1x3x4x4"}, out="out", variants=["float32", "float16"])
    engine.requests.clear()
    fake_engine.write(Path("x.npz"), fake_engine.SAMPLES)
    return Path("out")


def test_from_python_models_are_run_inspected_and_compared(engine, converted):
    one, other = converted / "model.float32.tflite", converted / "model.float16.tflite"
    outputs = pinlite.run(one, "x.npz", out=Path("y.npz"), engine="venv")
    assert (outputs["doubled"].dtype, Path("y.npz").exists()) == (np.float32, True)
    assert pinlite.inspect(str(one)).least == "2.9"
    other.write_bytes(b"TFL3 other")
    assert [each.kind for each in pinlite.diff(one, other).found.differences] == ["options", "weights"]
    assert pinlite.diff(one, one).found is None
    assert [request.operation for request in engine.requests] == ["infer", "inspect", "diff"]


def test_from_python_a_conversion_is_debugged_verified_and_matched(engine, converted, model_file):
    assert pinlite.debug(converted, variant="float16").variant == "float16"
    assert "trace-torch" not in [request.id for request in engine.requests]
    pinlite.debug(converted, f"{model_file}:build", requirements=())
    assert "trace-torch" in [request.id for request in engine.requests]
    assert pinlite.verify(converted).source == f"{model_file}:build"
    found = pinlite.match(
        converted / "model.float32.tflite", f"{model_file}:build", inputs={"image": "1x3x4x4"}, toolchains=["classic"]
    )
    assert {(each.toolchain, each.lowering) for each in found.candidates} == {("classic", "nhwc"), ("classic", "stock")}
    assert found.found


def test_from_python_the_machine_is_looked_at(monkeypatch):
    assert pinlite.images(engine="venv") == ()
    assert pinlite.remove_images(engine="venv", everything=True) == []
    assert pinlite.collect_images(engine="venv", dry_run=True, keep_days=1) == []
    monkeypatch.setattr(doctor, "_findings", lambda: iter([doctor.Finding("engine docker", True, "here")]))
    assert pinlite.doctor().can_convert


@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        (pinlite.run, ("a.tflite", "x.npz"), {"engine": "podman"}),
        (pinlite.inspect, ("a.tflite",), {"engin": "venv"}),
        (pinlite.match, ("a.tflite", "m.py:build"), {"variant": "int4"}),
        (pinlite.debug, ("out",), {"variant": "int4"}),
        (pinlite.reproduce, ("pinlite.lock",), {"seed": 1}),
        (pinlite.build_images, (), {"toolchain": "absent"}),
    ],
)
def test_from_python_a_wrong_option_is_named(function, arguments, options):
    with pytest.raises(pinlite.PinliteError) as raised:
        function(*arguments, **options)
    assert (raised.value.exit_status, bool(raised.value.hint)) == (2, True)
    assert next(iter(options)) in raised.value.message
