"""pinlite from Python."""

from pathlib import Path

import pytest

import pinlite
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
